package shop.config;

import jakarta.servlet.http.HttpServletResponse;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.security.config.Customizer;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.http.SessionCreationPolicy;
import org.springframework.security.web.SecurityFilterChain;

/** Settings are for whoever shows user and password; only the probes are public. */
@Configuration
class ConfigSecurity {
  private static final String[] PROBES = {"/actuator/health/liveness", "/actuator/health/readiness"};
  // without this, /actuator/env would be answered as the settings of an application named actuator
  private static final String[] NOT_SETTINGS = {"/actuator/**", "/encrypt/**", "/decrypt/**", "/key/**"};

  @Bean
  SecurityFilterChain rules(HttpSecurity http) {
    return http
        .csrf(csrf -> csrf.disable())
        .sessionManagement(sessions -> sessions.sessionCreationPolicy(SessionCreationPolicy.STATELESS))
        .authorizeHttpRequests(requests -> requests
            .requestMatchers(PROBES).permitAll()
            .requestMatchers(NOT_SETTINGS).denyAll()
            .anyRequest().authenticated())
        .exceptionHandling(refused -> refused.accessDeniedHandler(
            (request, response, reason) -> response.setStatus(HttpServletResponse.SC_FORBIDDEN)))
        .httpBasic(Customizer.withDefaults())
        .build();
  }
}
