package shop.eureka;

import java.time.Duration;
import java.util.function.Supplier;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.context.event.ApplicationReadyEvent;
import org.springframework.context.event.EventListener;
import org.springframework.security.authorization.AuthorizationDecision;
import org.springframework.security.authorization.AuthorizationManager;
import org.springframework.security.authorization.AuthorizationResult;
import org.springframework.security.core.Authentication;
import org.springframework.security.web.access.intercept.RequestAuthorizationContext;
import org.springframework.stereotype.Component;

/**
 * Keeps the registry from being read until everybody has had the time to register.
 *
 * <p>A registry that has just started is empty, and whoever reads it then forgets instances that are well.
 * While reading is refused with 403, clients go on with what they knew.
 */
@Component
class WarmUp implements AuthorizationManager<RequestAuthorizationContext> {
  private static final long NOT_READY = Long.MIN_VALUE;

  private final Duration length;
  private volatile long readyAt = NOT_READY;

  WarmUp(@Value("${registry.warm-up}") Duration length) {
    this.length = length;
  }

  @EventListener(ApplicationReadyEvent.class)
  void begin() {
    readyAt = System.nanoTime();
  }

  @Override
  public AuthorizationResult authorize(Supplier<? extends Authentication> caller, RequestAuthorizationContext request) {
    return new AuthorizationDecision(isOver());
  }

  private boolean isOver() {
    return readyAt != NOT_READY && System.nanoTime() - readyAt >= length.toNanos();
  }
}
