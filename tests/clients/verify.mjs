// Verify each line of standard input as a token, with the key set only. Print the claims, or the code of the error.
import { createInterface } from 'node:readline'
import { createRemoteJWKSet, jwtVerify } from 'jose'

const [address, cooldown] = process.argv.slice(2)
const keys = createRemoteJWKSet(new URL(address), { cooldownDuration: 1000 * cooldown })
const required = { issuer: 'latchkey', audience: 'latchkey', typ: 'at+jwt' }

for await (const token of createInterface({ input: process.stdin })) {
  const result = await jwtVerify(token, keys, required).then(
    ({ payload }) => ({ claims: payload }),
    ({ code }) => ({ rejected: code }),
  )
  console.log(JSON.stringify(result))
}
