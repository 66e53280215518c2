-- What every journal script shares.
--
-- KEYS[1]  the journal's name in braces: one hash tag, so one shard
-- ARGV[1]  now in ms since the epoch; 0: the server's clock
-- ARGV[2]  JSON: the script's own arguments; ARGV[3…] byte strings it takes as they are
--
-- A job's hash: state, epoch, owner, spec, created started ended expires (ms), reason, message, documents,
-- comparisons (serialized counts), plan, conclusion, trace, retry_of, retry_stage, kept, request. Its events
-- are a list: an event's sequence is its place in it, from 1, so that there can be no gap. `open` orders the
-- jobs that have not ended by the end of their lease: one that has run out may be taken by any gateway, under a
-- higher epoch.

local ns = KEYS[1]
local now = tonumber(ARGV[1])
if now == 0 then
  local t = redis.call('TIME')
  now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end
local args = cjson.decode(ARGV[2])

local function job_key(job) return ns .. ':job:' .. job end
local function events_key(job) return ns .. ':events:' .. job end

local function tell(job)
  redis.call('XADD', ns .. ':feed', 'MAXLEN', '~', 10000, '*', 'j', job)
end

local ENDED = { SUCCEEDED = true, FAILED = true, CANCELLED = true, EXPIRED = true }

local function drop_results(job)
  redis.call('DEL', ns .. ':docs:' .. job, ns .. ':order:' .. job, ns .. ':tiles:' .. job)
end

-- Remove all of a job that has ended.
local function forget(job)
  local tenant, id = string.match(job, '^([^/]*)/(.*)$')
  local request = redis.call('HGET', job_key(job), 'request')
  if request and request ~= '' then redis.call('DEL', request) end
  drop_results(job)
  redis.call('DEL', job_key(job), events_key(job))
  redis.call('ZREM', ns .. ':jobs:' .. tenant, id)
  redis.call('ZREM', ns .. ':expiring', job)
  redis.call('ZREM', ns .. ':forgetting', job)
  tell(job)
end
