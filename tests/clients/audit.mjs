// The audit of a server by graphql-http. Prints the outcomes of all checks in one line.
import { auditServer } from "graphql-http";

const { url, token } = JSON.parse(process.argv[2]);
const fetchFn = (address, init = {}) =>
  fetch(address, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } });
const results = await auditServer({ url, fetchFn });
const outcomes = results.map(({ id, name, status, reason }) => ({ id, name, status, reason }));
console.log(JSON.stringify(outcomes));
