// An OpenID provider on a free port of this computer, for tests. It prints its issuer, reads one line of JSON with its
// clients and people from standard input, says that it is ready, and ends with its standard input.
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import { Provider } from 'oidc-provider'

const server = createServer()
const lines = createInterface({ input: process.stdin })
lines.on('close', () => process.exit(0))
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`
  lines.once('line', (line) => {
    const { clients, people, claimsInToken } = JSON.parse(line)
    const provider = new Provider(issuer, {
      clients,
      findAccount: (_ctx, sub) => people[sub] && { accountId: sub, claims: () => ({ sub, ...people[sub] }) },
      claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'preferred_username'] },
      conformIdTokenClaims: !claimsInToken,
      features: { devInteractions: { enabled: true }, backchannelLogout: { enabled: true } },
      cookies: { keys: ['only for tests'] },
      pkce: { required: () => true },
      fetch: (url, { dispatcher: _, ...options }) => fetch(url, options), // the provider's own reaches no loopback addresses
    })
    provider.on("backchannel.error", (_c, e) => console.error("backchannel", e))
    server.on('request', provider.callback())
    console.log('ready')
  })
  console.log(issuer)
})
