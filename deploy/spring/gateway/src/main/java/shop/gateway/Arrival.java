package shop.gateway;

import java.util.UUID;
import java.util.regex.Pattern;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.http.HttpHeaders;
import org.springframework.stereotype.Component;
import org.springframework.web.server.ServerWebExchange;
import org.springframework.web.server.WebFilter;
import org.springframework.web.server.WebFilterChain;
import reactor.core.publisher.Mono;

/** Gives every request an id, the caller's own if it is sane, and remembers the path that was asked for. */
@Component
@Order(Ordered.HIGHEST_PRECEDENCE)
class Arrival implements WebFilter {
  private static final String HEADER = "X-Request-Id";
  private static final String PATH = Arrival.class.getName() + ".path";
  private static final Pattern SANE = Pattern.compile("[A-Za-z0-9._-]{1,64}");

  @Override
  public Mono<Void> filter(ServerWebExchange exchange, WebFilterChain chain) {
    var sent = exchange.getRequest().getHeaders().getFirst(HEADER);
    var id = sent != null && SANE.matcher(sent).matches() ? sent : UUID.randomUUID().toString().replace("-", "");
    exchange.getAttributes().put(HEADER, id);
    exchange.getAttributes().put(PATH, exchange.getRequest().getURI().getRawPath());
    var response = exchange.getResponse();
    response.beforeCommit(() -> Mono.fromRunnable(() -> keep(id, response.getHeaders())));
    return chain.filter(exchange.mutate().request(request -> request.header(HEADER, id)).build());
  }

  /** A service has sent the id already. */
  private static void keep(String id, HttpHeaders headers) {
    if (!headers.containsHeader(HEADER)) {
      headers.set(HEADER, id);
    }
  }

  static String requestId(ServerWebExchange exchange) {
    return exchange.getAttributeOrDefault(HEADER, "");
  }

  /** The path as it was sent: a fallback is answered on another one. */
  static String path(ServerWebExchange exchange) {
    return exchange.getAttributeOrDefault(PATH, "/");
  }
}
