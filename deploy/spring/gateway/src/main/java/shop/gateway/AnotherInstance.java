package shop.gateway;

import java.util.List;
import org.springframework.cloud.client.ServiceInstance;
import org.springframework.cloud.client.loadbalancer.Request;
import org.springframework.cloud.client.loadbalancer.RequestDataContext;
import org.springframework.cloud.client.loadbalancer.Response;
import org.springframework.cloud.gateway.support.ServerWebExchangeUtils;
import org.springframework.cloud.loadbalancer.core.DelegatingServiceInstanceListSupplier;
import org.springframework.cloud.loadbalancer.core.ServiceInstanceListSupplier;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import reactor.core.publisher.Flux;

/**
 * Sends a second try to another instance than the first: taking turns alone may lead it back to the dead one, for many requests take turns.
 *
 * <p>Every service's balancer has a context of its own, and this is for those: as a part of the application's it would stop the start.
 */
class AnotherInstance {
  @Bean
  ServiceInstanceListSupplier instances(ConfigurableApplicationContext context) {
    return ServiceInstanceListSupplier.builder().withDiscoveryClient().withCaching().with((service, known) -> new Untried(known)).build(context);
  }

  private static final class Untried extends DelegatingServiceInstanceListSupplier {
    Untried(ServiceInstanceListSupplier known) {
      super(known);
    }

    @Override
    public Flux<List<ServiceInstance>> get() {
      return delegate.get();
    }

    @Override
    public Flux<List<ServiceInstance>> get(Request request) {
      var tried = tried(request);
      return tried == null ? get() : get().map(known -> without(known, tried));
    }

    private static List<ServiceInstance> without(List<ServiceInstance> known, ServiceInstance tried) {
      var others = known.stream().filter(instance -> !instance.getUri().equals(tried.getUri())).toList();
      return others.isEmpty() ? known : others;
    }

    /** The gateway leaves its choice among the attributes of the exchange. */
    private static ServiceInstance tried(Request<?> request) {
      return request.getContext() instanceof RequestDataContext context
          && context.getClientRequest().getAttributes().get(ServerWebExchangeUtils.GATEWAY_LOADBALANCER_RESPONSE_ATTR) instanceof Response<?> response
          && response.getServer() instanceof ServiceInstance instance ? instance : null;
    }
  }
}
