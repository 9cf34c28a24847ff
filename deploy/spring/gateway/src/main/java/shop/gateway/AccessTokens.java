package shop.gateway;

import java.time.Duration;
import java.util.Collection;
import org.springframework.cloud.client.loadbalancer.reactive.ReactorLoadBalancerExchangeFilterFunction;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.client.reactive.ReactorClientHttpConnector;
import org.springframework.security.authentication.AuthenticationServiceException;
import org.springframework.security.oauth2.core.OAuth2TokenValidator;
import org.springframework.security.oauth2.jose.jws.SignatureAlgorithm;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.security.oauth2.jwt.JwtClaimNames;
import org.springframework.security.oauth2.jwt.JwtClaimValidator;
import org.springframework.security.oauth2.jwt.JwtIssuerValidator;
import org.springframework.security.oauth2.jwt.JwtValidators;
import org.springframework.security.oauth2.jwt.NimbusReactiveJwtDecoder;
import org.springframework.security.oauth2.jwt.ReactiveJwtDecoder;
import org.springframework.web.reactive.function.client.WebClient;
import reactor.netty.http.client.HttpClient;

/** Verifies access tokens: ES256, signed by users, whose keys are fetched from any instance of it and kept while it is away. */
@Configuration
class AccessTokens {
  private static final Duration PATIENCE = Duration.ofSeconds(2);

  @Bean
  ReactiveJwtDecoder decoder(Edge edge, ReactorLoadBalancerExchangeFilterFunction balancer) {
    var decoder = NimbusReactiveJwtDecoder.withJwkSetUri(edge.keys())
        .jwsAlgorithm(SignatureAlgorithm.ES256)
        .webClient(through(balancer))
        .build();
    decoder.setJwtValidator(rules(edge));
    return token -> decoder.decode(token)
        .onErrorMap(IllegalStateException.class, failure -> new AuthenticationServiceException("the keys cannot be had", failure));
  }

  private static WebClient through(ReactorLoadBalancerExchangeFilterFunction balancer) {
    var patient = Names.upToDate(HttpClient.create()).responseTimeout(PATIENCE);
    return WebClient.builder().clientConnector(new ReactorClientHttpConnector(patient)).filter(balancer).build();
  }

  private static OAuth2TokenValidator<Jwt> rules(Edge edge) {
    var issuer = edge.issuer().replaceFirst("/+$", ""); // as the services write it
    return JwtValidators.createDefaultWithValidators(
        new JwtIssuerValidator(issuer),
        new JwtClaimValidator<Collection<String>>(JwtClaimNames.AUD, aud -> aud != null && aud.contains(edge.audience())));
  }
}
