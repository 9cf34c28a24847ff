package shop.gateway;

import java.time.Duration;
import org.springframework.cloud.gateway.config.HttpClientCustomizer;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import reactor.netty.http.client.HttpClient;

/** Looks names of instances up again and again: a container that was started anew has another address, and its old one may be another module's by then. */
@Configuration
class Names {
  private static final Duration KEPT = Duration.ofSeconds(1); // Docker itself says ten minutes

  @Bean
  HttpClientCustomizer upToDate() {
    return Names::upToDate;
  }

  static HttpClient upToDate(HttpClient client) {
    return client.resolver(names -> names.cacheMaxTimeToLive(KEPT));
  }
}
