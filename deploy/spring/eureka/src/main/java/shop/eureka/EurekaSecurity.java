package shop.eureka;

import static org.springframework.security.authorization.AuthenticatedAuthorizationManager.authenticated;
import static org.springframework.security.authorization.AuthorizationManagers.allOf;

import jakarta.servlet.http.HttpServletResponse;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.HttpMethod;
import org.springframework.security.config.Customizer;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.http.SessionCreationPolicy;
import org.springframework.security.web.SecurityFilterChain;

/** Everybody shows user and password, but for the probes; what the registry holds is told once it has warmed up. */
@Configuration
class EurekaSecurity {
  private static final String[] PROBES = {"/actuator/health/liveness", "/actuator/health/readiness"};
  private static final String[] WHAT_IT_HOLDS = {"/eureka/apps", "/eureka/apps/**", "/eureka/vips/**", "/eureka/svips/**"};

  @Bean
  SecurityFilterChain rules(HttpSecurity http, WarmUp warmUp) {
    return http
        .csrf(csrf -> csrf.ignoringRequestMatchers("/eureka/**"))
        .sessionManagement(sessions -> sessions.sessionCreationPolicy(SessionCreationPolicy.STATELESS))
        .authorizeHttpRequests(requests -> requests
            .requestMatchers(PROBES).permitAll()
            .requestMatchers(HttpMethod.GET, WHAT_IT_HOLDS).access(allOf(authenticated(), warmUp))
            .anyRequest().authenticated())
        // by hand: the stock handler forwards to /error, which is denied once more
        .exceptionHandling(refused -> refused.accessDeniedHandler(
            (request, response, reason) -> response.setStatus(HttpServletResponse.SC_FORBIDDEN)))
        .httpBasic(Customizer.withDefaults())
        .build();
  }
}
