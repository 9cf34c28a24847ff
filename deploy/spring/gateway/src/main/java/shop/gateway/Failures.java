package shop.gateway;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.webflux.error.ErrorWebExceptionHandler;
import org.springframework.cloud.gateway.support.ServerWebExchangeUtils;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.annotation.Order;
import org.springframework.http.HttpStatus;
import org.springframework.web.reactive.function.server.RequestPredicates;
import org.springframework.web.reactive.function.server.RouterFunction;
import org.springframework.web.reactive.function.server.RouterFunctions;
import org.springframework.web.reactive.function.server.ServerRequest;
import org.springframework.web.reactive.function.server.ServerResponse;
import org.springframework.web.server.ResponseStatusException;
import reactor.core.publisher.Mono;

/** Turns whatever goes wrong here into problem details. */
@Configuration
class Failures {
  private static final Logger LOG = LoggerFactory.getLogger(Failures.class);

  @Bean
  @Order(-2) // before Spring Boot's own
  ErrorWebExceptionHandler problems() {
    return (exchange, failure) -> {
      var problem = Problem.of(failure);
      if (problem == Problem.INTERNAL_ERROR) {
        LOG.error("{} failed", Arrival.requestId(exchange), failure);
      }
      return exchange.getResponse().isCommitted() ? Mono.error(failure) : problem.answer(exchange);
    };
  }

  /** Where the breakers lead when a service fails or is given a rest; for anybody else there is nothing here. */
  @Bean
  RouterFunction<ServerResponse> fallback() {
    return RouterFunctions.route(RequestPredicates.path("/fallback"), request -> Mono.error(new ResponseStatusException(
        wasSentHere(request) ? HttpStatus.SERVICE_UNAVAILABLE : HttpStatus.NOT_FOUND)));
  }

  private static boolean wasSentHere(ServerRequest request) {
    return request.attribute(ServerWebExchangeUtils.CIRCUITBREAKER_EXECUTION_EXCEPTION_ATTR).isPresent();
  }
}
