package shop.gateway;

import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;
import java.util.Set;
import org.springframework.cloud.gateway.support.ServerWebExchangeUtils;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.HttpStatusCode;
import org.springframework.web.server.ServerWebExchange;
import org.springframework.web.server.WebFilter;
import org.springframework.web.server.WebFilterChain;
import reactor.core.publisher.Mono;

/** Records a span for every request, below the one that the caller named in {@code traceparent}; it notes the route, never what was sent. */
class Traced implements WebFilter {
  private static final W3CTraceContextPropagator HEADERS = W3CTraceContextPropagator.getInstance();
  private static final Set<String> METHODS = Set.of("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS");
  private static final String OPERATIONS = "/actuator";
  private static final TextMapGetter<HttpHeaders> SENT = new TextMapGetter<>() {
    @Override
    public Iterable<String> keys(HttpHeaders headers) {
      return headers.headerNames();
    }

    @Override
    public String get(HttpHeaders headers, String name) {
      return headers.getFirst(name);
    }
  };

  private final Tracer tracer;

  Traced(Tracer tracer) {
    this.tracer = tracer;
  }

  @Override
  public Mono<Void> filter(ServerWebExchange exchange, WebFilterChain chain) {
    if (exchange.getRequest().getPath().value().startsWith(OPERATIONS)) {
      return chain.filter(exchange);
    }
    var method = known(exchange.getRequest().getMethod().name());
    var caller = HEADERS.extract(Context.root(), exchange.getRequest().getHeaders(), SENT);
    var span = tracer.spanBuilder(method).setSpanKind(SpanKind.SERVER).setParent(caller).setAttribute("http.request.method", method).startSpan();
    var below = exchange.mutate().request(request -> request.headers(headers -> name(caller.with(span), headers))).build();
    return chain.filter(below)
        .doOnSuccess(done -> note(span, method, exchange, exchange.getResponse().getStatusCode()))
        .doOnError(failure -> note(span, method, exchange, Problem.of(failure).status)) // as Failures is about to answer
        .doFinally(end -> span.end());
  }

  private static String known(String method) {
    return METHODS.contains(method) ? method : "OTHER";
  }

  /** Puts the span in the place of its caller. */
  private static void name(Context span, HttpHeaders headers) {
    HEADERS.fields().forEach(headers::remove);
    HEADERS.inject(span, headers, HttpHeaders::set);
  }

  private static void note(Span span, String method, ServerWebExchange exchange, HttpStatusCode answered) {
    var status = answered == null ? HttpStatus.OK : answered;
    String route = exchange.getAttributeOrDefault(ServerWebExchangeUtils.GATEWAY_PREDICATE_MATCHED_PATH_ATTR, "UNKNOWN");
    span.updateName(method + " " + route).setAttribute("http.route", route).setAttribute("http.response.status_code", status.value());
    if (status.is5xxServerError()) {
      span.setStatus(StatusCode.ERROR);
    }
  }
}
