package shop.gateway;

import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.AutoConfiguredOpenTelemetrySdk;
import java.util.Map;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.autoconfigure.condition.ConditionalOnExpression;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;

/**
 * Sends traces to the services' collector; where none is named, none of this exists and {@code traceparent} passes as it came.
 *
 * <p>OpenTelemetry's own SDK, because the services have it too: all heed the same variables, such as {@code OTEL_TRACES_SAMPLER}.
 */
@Configuration
@ConditionalOnExpression("!'${shop-otel-endpoint:}'.isEmpty()")
class Tracing {
  @Bean(destroyMethod = "close") // sends the rest
  OpenTelemetrySdk telemetry(@Value("${shop-otel-endpoint}") String endpoint) {
    var collector = Map.of(
        "otel.exporter.otlp.traces.endpoint", endpoint.replaceFirst("/+$", "") + "/v1/traces",
        "otel.exporter.otlp.traces.protocol", "http/protobuf");
    return AutoConfiguredOpenTelemetrySdk.builder()
        .disableShutdownHook()
        .addPropertiesSupplier(() -> Map.of("otel.service.name", "shop-gateway", "otel.metrics.exporter", "none", "otel.logs.exporter", "none"))
        .addPropertiesCustomizer(found -> collector)
        .build()
        .getOpenTelemetrySdk();
  }

  @Bean
  @Order(Ordered.HIGHEST_PRECEDENCE + 2) // preflights, which CrossOrigin answers, are not worth a trace
  Traced traced(OpenTelemetrySdk telemetry) {
    return new Traced(telemetry.getTracer("shop"));
  }
}
