package shop.gateway;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.stream.Stream;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.MediaType;
import org.springframework.security.authentication.AuthenticationServiceException;
import org.springframework.web.ErrorResponse;
import org.springframework.web.server.ServerWebExchange;
import reactor.core.publisher.Mono;
import tools.jackson.databind.json.JsonMapper;

/** The failures that the gateway answers itself, in the words of the services: a client must not see who refused. */
enum Problem {
  UNAUTHENTICATED(HttpStatus.UNAUTHORIZED, "A valid access token is needed."),
  FORBIDDEN(HttpStatus.FORBIDDEN, "You are known, but this is not allowed to you."),
  NOT_FOUND(HttpStatus.NOT_FOUND, "There is nothing here, or it is not yours."),
  INTERNAL_ERROR(HttpStatus.INTERNAL_SERVER_ERROR, "Something went wrong on our side."),
  BAD_GATEWAY(HttpStatus.BAD_GATEWAY, "A part of the shop hung up."),
  UNAVAILABLE(HttpStatus.SERVICE_UNAVAILABLE, "A part of the shop does not answer; try again."),
  GATEWAY_TIMEOUT(HttpStatus.GATEWAY_TIMEOUT, "A part of the shop did not answer in time.");

  /** By then the breaker lets a call through, and a new instance has been found. */
  private static final int RETRY_AFTER = 5;

  private static final JsonMapper JSON = JsonMapper.shared();

  final HttpStatus status;
  private final String title;

  Problem(HttpStatus status, String title) {
    this.status = status;
    this.title = title;
  }

  static Problem of(Throwable failure) {
    if (failure instanceof AuthenticationServiceException) {
      return UNAVAILABLE; // nobody has the keys, so nobody can say whether the token is good
    }
    if (failure instanceof ErrorResponse answer) {
      return of(answer.getStatusCode());
    }
    return failure instanceof IOException ? BAD_GATEWAY : INTERNAL_ERROR;
  }

  private static Problem of(HttpStatusCode status) {
    return Stream.of(values()).filter(problem -> problem.status.equals(status)).findFirst().orElse(INTERNAL_ERROR);
  }

  /** Answers with this problem, unless an answer has begun. */
  Mono<Void> answer(ServerWebExchange exchange) {
    return Mono.defer(() -> {
      var response = exchange.getResponse();
      if (!response.setStatusCode(status)) {
        return Mono.error(new IllegalStateException("an answer has begun"));
      }
      addTo(response.getHeaders());
      return response.writeWith(Mono.just(response.bufferFactory().wrap(document(exchange))));
    });
  }

  private void addTo(HttpHeaders headers) {
    headers.setContentType(MediaType.APPLICATION_PROBLEM_JSON);
    headers.setCacheControl("no-store");
    headers.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    headers.set("Referrer-Policy", "no-referrer");
    headers.set("X-Content-Type-Options", "nosniff");
    headers.set("X-Frame-Options", "DENY");
    if (this == UNAUTHENTICATED) {
      headers.set(HttpHeaders.WWW_AUTHENTICATE, "Bearer");
    }
    if (this == UNAVAILABLE) {
      headers.set(HttpHeaders.RETRY_AFTER, String.valueOf(RETRY_AFTER));
    }
  }

  private byte[] document(ServerWebExchange exchange) {
    var code = name().toLowerCase(Locale.ROOT);
    var members = new LinkedHashMap<String, Object>();
    members.put("type", "/problems/" + code);
    members.put("title", title);
    members.put("status", status.value());
    members.put("code", code);
    members.put("detail", title);
    if (this == UNAVAILABLE) {
      members.put("retry_after", (double) RETRY_AFTER);
    }
    members.put("instance", Arrival.path(exchange));
    members.put("request_id", Arrival.requestId(exchange));
    return JSON.writeValueAsString(members).getBytes(StandardCharsets.UTF_8);
  }
}
