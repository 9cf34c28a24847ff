package shop.gateway;

import java.util.List;
import org.springframework.boot.context.properties.ConfigurationProperties;

/**
 * What the gateway is told beside its routes.
 *
 * @param issuer who signs access tokens, as the services know it
 * @param audience whom access tokens are for
 * @param keys where the public keys are, by the name of a service
 * @param corsOrigins origins whose pages may call the shop from a browser
 * @param needsToken addresses that are nobody's without an access token, such as {@code GET /api/v1/users/me}
 */
@ConfigurationProperties("edge")
record Edge(String issuer, String audience, String keys, List<String> corsOrigins, List<String> needsToken) {}
