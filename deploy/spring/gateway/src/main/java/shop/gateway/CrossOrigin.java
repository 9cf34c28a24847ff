package shop.gateway;

import java.time.Duration;
import java.util.List;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.http.HttpHeaders;
import org.springframework.http.server.reactive.ServerHttpResponse;
import org.springframework.stereotype.Component;
import org.springframework.web.cors.CorsConfiguration;
import org.springframework.web.cors.reactive.CorsProcessor;
import org.springframework.web.cors.reactive.CorsUtils;
import org.springframework.web.cors.reactive.DefaultCorsProcessor;
import org.springframework.web.server.ServerWebExchange;
import org.springframework.web.server.WebFilter;
import org.springframework.web.server.WebFilterChain;
import reactor.core.publisher.Mono;

/**
 * Tells browsers which pages may read what the shop answers.
 *
 * <p>A preflight from elsewhere is refused; any other request from elsewhere is answered as ever, and the browser keeps the answer from the page.
 */
@Component
@Order(Ordered.HIGHEST_PRECEDENCE + 1)
class CrossOrigin implements WebFilter {
  private final CorsProcessor processor = new DefaultCorsProcessor() {
    @Override
    protected void rejectRequest(ServerHttpResponse response) {
      // would set 403 on requests that go on
    }
  };
  private final CorsConfiguration rules = new CorsConfiguration();

  CrossOrigin(Edge edge) {
    rules.setAllowedOrigins(edge.corsOrigins());
    rules.setAllowedMethods(List.of("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"));
    rules.setAllowedHeaders(List.of(
        "Accept-Language", "Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match",
        "X-Cart-Token", "X-Order-Token", "X-Request-Id", "traceparent"));
    rules.setExposedHeaders(List.of("Allow", "ETag", "Idempotent-Replayed", "Location", "Retry-After", "X-Request-Id"));
    rules.setMaxAge(Duration.ofHours(1));
  }

  @Override
  public Mono<Void> filter(ServerWebExchange exchange, WebFilterChain chain) {
    var isAllowed = processor.process(rules, exchange);
    if (!CorsUtils.isPreFlightRequest(exchange.getRequest())) {
      exchange.getResponse().getHeaders().setVary(List.of(HttpHeaders.ORIGIN)); // the processor names what matters to preflights only, too
      return chain.filter(exchange);
    }
    return isAllowed ? exchange.getResponse().setComplete() : Problem.FORBIDDEN.answer(exchange);
  }
}
