// Records what other implementations of SCIM make of filters and changes: npm i scim-patch@0.8.3 scim2-parse-filter@0.2.10,
// then node counterpart.mjs > counterpart.json. Values are in small letters, as those compare texts by their capitals; and what is in
// brackets is one comparison, as they look for each in any value (RFC 7644 §3.4.2.2 means one that fulfils all).
import patchPkg from 'scim-patch'
import filterPkg from 'scim2-parse-filter'
const { scimPatch } = patchPkg
const { parse, filter } = filterPkg
let seed = 7
const rnd = (n) => (seed = (seed * 1103515245 + 12345) % 2147483648, Math.floor(seed / 65536) % n)
const pick = (l) => l[rnd(l.length)]
const users = [
  { userName: 'anna', displayName: 'anna berg', active: true, externalId: '1', emails: [{ value: 'anna@x.org', type: 'work', primary: true }], phoneNumbers: [{ value: '+49 1', type: 'work' }, { value: '+49 2', type: 'mobile' }] },
  { userName: 'bert', displayName: 'bert', active: false, emails: [{ value: 'b@y.org', type: 'home' }, { value: 'bert@x.org', type: 'work' }] },
  { userName: 'cleo', active: true, externalId: '30', timezone: 'europe/oslo', name: { formatted: 'cleo damm' } },
]
const texts = ['"anna"', '"b"', '"cleo"', '"x.org"', '"berg"', '"1"', '"+49"', '"europe/oslo"', '"damm"']
const simple = ['userName', 'displayName', 'externalId', 'timezone', 'name.formatted', 'emails.value', 'emails.type', 'phoneNumbers.value']
const ops = ['eq', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le']
const atom = (names) => rnd(5) === 0 ? `${pick(names)} pr` : `${pick(names)} ${pick(ops)} ${pick(texts)}`
const leaf = () => {
  switch (rnd(5)) {
    case 0: return `active eq ${pick(['true', 'false'])}`
    case 1: return `${pick(['emails', 'phoneNumbers'])}[${atom(["value", "type"])}]`
    default: return atom(simple)
  }
}
const tree = (d) => {
  if (d === 0 || rnd(3) === 0) return leaf()
  switch (rnd(4)) {
    case 0: return `not (${tree(d - 1)})`
    case 1: return `(${tree(d - 1)}) and ${tree(d - 1)}`
    case 2: return `${tree(d - 1)} or (${tree(d - 1)})`
    default: return `${leaf()} or ${leaf()} and ${leaf()}`
  }
}
const filters = []
for (let i = 0; i < 400; i++) {
  const f = tree(3)
  filters.push([f, users.map((u) => filter(parse(f))(u))])
}
const changes = []
const values = {
  'displayName': '"new"', 'externalId': '"9"', 'active': 'false', 'name.formatted': '"n"', 'name': '{"formatted":"m"}',
  'emails': '[{"value":"new@x.org","type":"other"}]', 'phoneNumbers': '[{"value":"+49 3","type":"home"}]',
  'emails[type eq "work"].value': '"w@x.org"', 'phoneNumbers[type eq "work"].value': '"+49 7"', 'phoneNumbers[value sw "+49"].type': '"home"',
  'emails[type eq "work"]': '{"value":"z@x.org"}',
}
for (let i = 0; i < 300; i++) {
  const list = []
  for (let n = 0; n <= rnd(3); n++) {
    const path = pick(Object.keys(values))
    const op = pick(['add', 'replace', 'remove'])
    list.push(op === 'remove' ? { op, path } : { op, path, value: JSON.parse(values[path]) })
  }
  const on = rnd(users.length)
  let outcome
  try { outcome = scimPatch(structuredClone(users[on]), structuredClone(list)) } catch (e) { continue }
  if (outcome.name && Object.keys(outcome.name).length === 0) delete outcome.name // unassigned (RFC 7643 §2.5)
  changes.push([on, list, outcome])
}
console.log(JSON.stringify({ users, filters, changes }, null, 0).replaceAll('],["', '],\n["').replaceAll(']],[', ']],\n['))
