// Upload documents, have them compared, watch the job to its end, and page through what was found.
//
//   node compare.mjs TARGET [--reflect] run FILE|URI…     files are uploaded, URIs are the mesh's to fetch
//   node compare.mjs TARGET [--reflect] read JOB          read every extraction and comparison of a job
//
// With --reflect the contract is asked of the mesh; otherwise it is read from ../../../protos.

import { createHash, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { connect, fromProtos, fromReflection, reasonOf, unary } from "./contract.mjs";

const ENDED = ["JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED", "JOB_STATE_EXPIRED"];
const CHUNK = 1 << 20;

// snippet upload
/** Put a file into the mesh; bytes that it holds already are not sent. */
async function upload(blobs, path) {
  const data = await readFile(path);
  const sha256 = createHash("sha256").update(data).digest("hex");
  return new Promise((resolve, reject) => {
    const call = blobs.UploadBlob((error, blob) => (error ? reject(error) : resolve(blob)));
    call.on("error", () => {}); // the answer above tells it
    call.write({ header: { sha256, size_bytes: data.length } });
    for (let at = 0; at < data.length; at += CHUNK) call.write({ data: data.subarray(at, at + CHUNK) });
    call.end();
  });
}
// snippet ends

// snippet submit
/** Create a job that compares every document with every other. */
async function submit(jobs, sources) {
  const spec = { sources, compare: { all_pairs: {} } };
  // The request id makes it safe to call again: the same id gives the same job.
  return unary(jobs, "CreateJob", { job: { spec }, request_id: randomUUID() });
}
// snippet ends

// snippet watch
/** Yield what happens to a job, each event once and in order, through gateways that come and go. */
async function* watch(jobs, name) {
  let last = 0;
  for (;;) {
    const call = jobs.WatchJob({ name, after_sequence: last });
    call.on("error", () => {}); // thrown by the loop below
    try {
      for await (const event of call) {
        if (event.event === "heartbeat") continue;
        if (event.event === "snapshot") {
          yield event;
          if (ENDED.includes(event.snapshot.state) && last >= event.sequence) return;
        } else {
          if (event.sequence !== last + 1) throw new Error(`event ${event.sequence} came after ${last}`);
          last = event.sequence;
          yield event;
        }
      }
    } catch (error) {
      if (reasonOf(error) && reasonOf(error) !== "SHUTTING_DOWN") throw error; // the gateway's own word
      if (error.code === undefined) throw error;
      await sleep(200);
    } finally {
      call.cancel();
    }
  }
}
// snippet ends

// snippet page
/** Yield a job's comparisons, page by page; those of a job of any size. */
async function* comparisons(jobs, name) {
  let token = "";
  do {
    const page = await unary(jobs, "ListJobComparisons", { name, page_size: 5, page_token: token });
    yield* page.comparisons;
    token = page.next_page_token;
  } while (token);
}
// snippet ends

// snippet parts
/** Read a result that comes in parts, as a message may not exceed 4 MiB: lists are joined, other fields replaced. */
async function merged(call) {
  let whole;
  for await (const part of call) {
    if (whole === undefined) { whole = part; continue; }
    for (const [name, value] of Object.entries(part)) {
      if (Array.isArray(value)) for (const one of value) whole[name].push(one);
    }
  }
  return whole;
}
// snippet ends

async function run(jobs, blobs, places) {
  const sources = [];
  for (const place of places) {
    if (place.includes("://")) sources.push({ uri: place, key: place });
    else sources.push({ blob: await upload(blobs, place), key: basename(place) });
  }
  const job = await submit(jobs, sources);
  console.log(`job ${job.name}`);
  let ended;
  let events = 0;
  for await (const event of watch(jobs, job.name)) {
    if (event.event !== "snapshot") events += 1;
    else if (ENDED.includes(event.snapshot.state)) ended = event.snapshot;
    else console.log("watching");
  }
  const { found, failed } = ended.documents;
  console.log(`ended ${ended.state} after ${events} events: ${found} documents, ${failed} failed`);
  const keys = new Map(sources.map((source) => [source.blob?.sha256 ?? source.uri, source.key]));
  for await (const { left, right, similarity } of comparisons(jobs, job.name)) {
    const name = (side) => keys.get(side.sha256) ?? side.uri;
    console.log(`pair ${similarity?.overall?.toFixed(3) ?? "-"} ${name(left)} | ${name(right)}`);
  }
}

async function read(jobs, name) {
  let token = "";
  do {
    const page = await unary(jobs, "ListJobDocuments", { name, page_token: token });
    for (const { document_id, state } of page.documents) {
      if (state !== "DOCUMENT_STATE_EXTRACTED") continue;
      const extraction = await merged(jobs.GetExtraction({ name, document_id }));
      console.log(`extraction ${document_id} ${extraction.blocks.length} blocks`);
    }
    token = page.next_page_token;
  } while (token);
  for await (const { comparison_id } of comparisons(jobs, name)) {
    const comparison = await merged(jobs.GetComparison({ name, comparison_id }));
    console.log(`comparison ${comparison_id} ${comparison.changes.length} changes`);
  }
}

// snippet reason
/** Look for a job that may be gone: branch on the reason, never on the message. */
async function look(jobs, name) {
  try {
    return await unary(jobs, "GetJob", { name });
  } catch (error) {
    if (reasonOf(error) === "JOB_NOT_FOUND") return undefined;
    throw error;
  }
}
// snippet ends

const words = process.argv.slice(2);
const reflect = words.includes("--reflect");
const [target, command, ...rest] = words.filter((word) => word !== "--reflect");
const protos = fileURLToPath(new URL("../../../protos", import.meta.url));
const [jobs, blobs] = connect(target, reflect ? await fromReflection(target) : fromProtos(protos));
if (command === "run") await run(jobs, blobs, rest);
else await read(jobs, rest[0]);
console.log(`absent ${(await look(jobs, "jobs/absent")) === undefined}`);
jobs.close();
blobs.close();
