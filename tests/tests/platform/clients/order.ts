// Creates, reads and cancels an order with the client that was generated beside this file.

import assert from "node:assert/strict";
import { cancelOrder, createOrder, getOrder } from "./client/index.js";
import { client } from "./client/client.gen.js";

const [base, product, user, key] = process.argv.slice(2);
assert(base && product && user && key);
client.setConfig({ baseUrl: base });

const headers = { "Idempotency-Key": key };
const body = { user_id: user, items: [{ product_id: product, quantity: 2 }] };
const created = await createOrder({ body, headers });
assert(created.data, JSON.stringify(created.error));
const order: string = created.data.order_id;
assert.equal(created.data.status, "pending");
const repeated = await createOrder({ body, headers });
assert.equal(repeated.data?.order_id, order);
assert.equal(repeated.response?.headers.get("idempotent-replayed"), "true");

const read = await getOrder({ path: { id: order }, query: { user_id: user } });
assert(read.data, JSON.stringify(read.error));
const amount: number = read.data.order.actual_amount;
assert.equal(amount, created.data.actual_amount);
assert.equal(read.data.order.items[0]?.quantity, 2);

const cancelled = await cancelOrder({ path: { id: order }, body: { reason: "changed my mind" } });
assert.equal(cancelled.data?.success, true);
const after = await getOrder({ path: { id: order } });
assert.equal(after.data?.order.status, "cancelled");
assert.equal(after.data?.order.cancel_reason, "changed my mind");

const again = await cancelOrder({ path: { id: order } });
assert(again.error && "code" in again.error);
assert.equal(again.error.code, 20002);

console.log(order);
