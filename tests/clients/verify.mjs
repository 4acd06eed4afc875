// Checks each token that comes in on a line, by the key set alone, and says what it found.
import { createInterface } from 'node:readline'
import { createRemoteJWKSet, jwtVerify } from 'jose'

const [address, cooldown] = process.argv.slice(2)
const keys = createRemoteJWKSet(new URL(address), { cooldownDuration: 1000 * cooldown })
const demanded = { issuer: 'latchkey', audience: 'latchkey', typ: 'at+jwt' }

for await (const token of createInterface({ input: process.stdin })) {
  const found = await jwtVerify(token, keys, demanded).then(
    ({ payload }) => ({ claims: payload }),
    ({ code }) => ({ refused: code }),
  )
  console.log(JSON.stringify(found))
}
