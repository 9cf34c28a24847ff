package shop.gateway;

import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.security.config.web.server.ServerHttpSecurity;
import org.springframework.security.config.web.server.ServerHttpSecurity.CsrfSpec;
import org.springframework.security.config.web.server.ServerHttpSecurity.FormLoginSpec;
import org.springframework.security.config.web.server.ServerHttpSecurity.HeaderSpec;
import org.springframework.security.config.web.server.ServerHttpSecurity.HttpBasicSpec;
import org.springframework.security.config.web.server.ServerHttpSecurity.LogoutSpec;
import org.springframework.security.config.web.server.ServerHttpSecurity.RequestCacheSpec;
import org.springframework.security.oauth2.server.resource.web.server.authentication.ServerBearerTokenAuthenticationConverter;
import org.springframework.security.web.server.SecurityWebFilterChain;
import org.springframework.security.web.server.authentication.ServerAuthenticationConverter;
import org.springframework.security.web.server.firewall.ServerExchangeRejectedHandler;
import org.springframework.security.web.server.firewall.StrictServerWebExchangeFirewall;
import org.springframework.security.web.server.util.matcher.ServerWebExchangeMatcher.MatchResult;

/** Refuses without a good access token what nobody gets without one; the services verify every token again, and know what it allows. */
@Configuration
class GatewaySecurity {
  @Bean
  SecurityWebFilterChain rules(ServerHttpSecurity http, GuardedAddresses guarded) {
    return http
        .csrf(CsrfSpec::disable)
        .httpBasic(HttpBasicSpec::disable)
        .formLogin(FormLoginSpec::disable)
        .logout(LogoutSpec::disable)
        .requestCache(RequestCacheSpec::disable)
        .headers(HeaderSpec::disable) // the services send their own
        .authorizeExchange(requests -> requests.matchers(guarded).authenticated().anyExchange().permitAll())
        .oauth2ResourceServer(tokens -> tokens
            .bearerTokenConverter(bearerOf(guarded))
            .authenticationEntryPoint((exchange, reason) -> Problem.UNAUTHENTICATED.answer(exchange))
            .accessDeniedHandler((exchange, reason) -> Problem.FORBIDDEN.answer(exchange))
            .jwt(jwt -> {}))
        .exceptionHandling(refused -> refused
            .authenticationEntryPoint((exchange, reason) -> Problem.UNAUTHENTICATED.answer(exchange))
            .accessDeniedHandler((exchange, reason) -> Problem.FORBIDDEN.answer(exchange)))
        .build();
  }

  /** On every other address a token is the service's to judge: permitAll alone would refuse an expired one on a public read. */
  private static ServerAuthenticationConverter bearerOf(GuardedAddresses guarded) {
    var bearer = new ServerBearerTokenAuthenticationConverter();
    return exchange -> guarded.matches(exchange).filter(MatchResult::isMatch).flatMap(match -> bearer.convert(exchange));
  }

  /** Doubled and escaped slashes lead nowhere; about all the rest the services, which have the same rules, give the better answer. */
  @Bean
  StrictServerWebExchangeFirewall firewall() {
    var firewall = new StrictServerWebExchangeFirewall();
    firewall.setUnsafeAllowAnyHttpMethod(true);
    firewall.setAllowSemicolon(true);
    firewall.setAllowUrlEncodedPeriod(true);
    firewall.setAllowUrlEncodedPercent(true);
    firewall.setAllowedHeaderNames(name -> true);
    firewall.setAllowedHeaderValues(value -> true);
    firewall.setAllowedParameterNames(name -> true);
    firewall.setAllowedParameterValues(value -> true);
    return firewall;
  }

  @Bean
  ServerExchangeRejectedHandler rejected() {
    return (exchange, reason) -> Problem.NOT_FOUND.answer(exchange);
  }
}
