// The provider `oidc-provider` (certified by the OpenID Foundation) with its own pages for login and consent.
// node provider.mjs MODULE ISSUER_PORT REDIRECT_URI
import { pathToFileURL } from "node:url";

const [module, port, back] = process.argv.slice(2);
const { default: Provider } = await import(pathToFileURL(module));
const clients = [{ client_id: "stillwatch", client_secret: "a secret of the test", redirect_uris: [back] }];
const findAccount = (_context, sub) => ({
  accountId: sub,
  claims: () => ({ sub: `subject-of-${sub}`, preferred_username: sub, email: `${sub}@corp.example`, email_verified: true }),
});
const provider = new Provider(`http://localhost:${port}`, {
  clients,
  findAccount,
  claims: { openid: ["sub"], profile: ["preferred_username"], email: ["email", "email_verified"] },
  pkce: { required: () => true },
  cookies: { keys: ["a key of the test"] },
});
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
