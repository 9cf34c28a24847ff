package shop.gateway;

import java.util.List;
import org.springframework.http.HttpMethod;
import org.springframework.http.server.PathContainer;
import org.springframework.security.web.server.util.matcher.ServerWebExchangeMatcher;
import org.springframework.stereotype.Component;
import org.springframework.web.server.ServerWebExchange;
import org.springframework.web.util.pattern.PathPattern;
import org.springframework.web.util.pattern.PathPatternParser;
import reactor.core.publisher.Mono;

/** The addresses that nobody is let through to without a good access token, written as the services write their routes. */
@Component
class GuardedAddresses implements ServerWebExchangeMatcher {
  private static final String UUID = ":[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}}";

  private final List<Address> addresses;

  GuardedAddresses(Edge edge) {
    addresses = edge.needsToken().stream().map(Address::parse).toList();
  }

  @Override
  public Mono<MatchResult> matches(ServerWebExchange exchange) {
    var sent = exchange.getRequest().getMethod();
    var method = sent == HttpMethod.HEAD ? HttpMethod.GET : sent;
    var path = exchange.getRequest().getPath().pathWithinApplication();
    return addresses.stream().anyMatch(address -> address.is(method, path)) ? MatchResult.match() : MatchResult.notMatch();
  }

  private record Address(HttpMethod method, PathPattern path) {
    static Address parse(String text) {
      var words = text.split(" ", 2);
      var pattern = words[1].replace(":uuid}", UUID).replace(":str}", "}");
      return new Address(HttpMethod.valueOf(words[0]), PathPatternParser.defaultInstance.parse(pattern));
    }

    boolean is(HttpMethod sent, PathContainer asked) {
      return method.equals(sent) && path.matches(asked);
    }
  }
}
