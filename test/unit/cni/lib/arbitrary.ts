import fc from "fast-check";
import type { Dns, Interface, IpConfig, Result, ResultRoute } from "../../../../src/cni/result.ts";
import { networkOf } from "../../../../src/ip/address.ts";
import { anyAddress, anyPrefix } from "../../ip/lib/arbitrary.ts";

const word = fc.string({ unit: fc.constantFrom(..."abcxyz019.-"), minLength: 1, maxLength: 8 });
/** A key is left out or has a value; 0 and "" are not told from absence by libcni. */
const count = fc.integer({ min: 1, max: 2 ** 32 - 1 });

const anyInterface: fc.Arbitrary<Interface> = fc.record(
  { name: word, mac: word, mtu: count, sandbox: word, socketPath: word, pciID: word },
  { requiredKeys: ["name"] },
);

const anyRoute: fc.Arbitrary<ResultRoute> = fc.record(
  {
    dst: anyPrefix.map(networkOf),
    gw: anyAddress,
    mtu: count,
    advmss: count,
    priority: count,
    table: fc.nat(),
    scope: fc.nat(255),
  },
  { requiredKeys: ["dst"] },
);

const words = fc.array(word, { minLength: 1, maxLength: 3 });
const anyDns: fc.Arbitrary<Dns> = fc.record(
  { nameservers: words, domain: word, search: words, options: words },
  { requiredKeys: [] },
);

/** Any result that CNI 1.1.0 can tell. */
export const anyResult: fc.Arbitrary<Result> = fc.array(anyInterface, { maxLength: 3 }).chain((interfaces) => {
  const which = interfaces.length === 0 ? fc.constant(undefined) : fc.nat(interfaces.length - 1);
  const anyIp: fc.Arbitrary<IpConfig> = fc.record(
    { address: anyPrefix, gateway: anyAddress, interface: which },
    { requiredKeys: ["address"] },
  );
  return fc.record({
    interfaces: fc.constant(interfaces),
    ips: fc.array(anyIp, { maxLength: 3 }),
    routes: fc.array(anyRoute, { maxLength: 3 }),
    dns: anyDns,
  });
});
