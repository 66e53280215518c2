-- What every transition shares. A script is this file followed by one transition.
--
-- KEYS[1]  the ledger's name in braces, e.g. {collatio:extract}: one hash tag, so one shard
-- ARGV[1]  now in ms since the epoch; 0: the server's clock (the only clock in production)
-- ARGV[2]  JSON: the ledger's limits (see Limits in limits.py)
-- ARGV[3]  JSON: the transition's own arguments
--
-- A step's hash, short names because there are many:
--   s state  t token  g generation  n tenant  j job  f fingerprint  c predicted ms  p spec
--   d outcome digest  u summary  h children  r reason  m message
--   k kind: of a failure permanent (P) or passing (T), of a result provisional (V) or none
--   ai ad at  attempts charged to infrastructure, to the document, to a passing cause;  a attempts in all
--   al runs alone  hd in hand  x message  w worker  tr first submitter's traceparent
--   q queued  b begun  e ended (ms)
--
-- Rules: a token is granted by CLAIM alone, and never twice, even when the step was forgotten between; an
-- outcome is accepted from its holder alone; a terminal step never changes but by SUBMIT (a reopening, a new
-- generation); every terminal transition emits. A lane stands in `lanecost`, `lanes:` and `ready:` exactly
-- while it has queued steps, a tenant in `tenants` while it has a lane.
--
-- Known ugliness: a step that leaves the queue by another way than TAKE leaves its key in its lane's list.
-- TAKE passes over such a key; it goes with the lane at the latest.

local ns = KEYS[1]
local now = tonumber(ARGV[1])
if now == 0 then
  local t = redis.call('TIME')
  now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end
local limits = cjson.decode(ARGV[2])
local args = cjson.decode(ARGV[3])
local ended = {}
-- What one script may clear away beside its own work: the rest is left for the next one, so that no transition
-- holds the store for long. `unfinished` makes next_due answer "at once".
local patience = 2000
local unfinished = false

local function step_key(key) return ns .. ':step:' .. key end
local function want_key(key) return ns .. ':want:' .. key end
local function call_key(call) return ns .. ':call:' .. call end

-- '|' parts tenant, job and fingerprint in a lane's name; it may stand in the last alone.
local function part(name)
  return (string.gsub(name, '[%%|]', { ['%'] = '%25', ['|'] = '%7C' }))
end

local function lane_name(tenant, lane) return part(tenant) .. '|' .. lane end
local function ready_key(tenant, lane) return ns .. ':ready:' .. lane_name(tenant, lane) end
local function lane_of(step) return part(step.j) .. '|' .. step.f end
local function lane_engine(lane) return string.match(lane, '^[^|]*|(.*)$') end

local function load(key)
  local flat = redis.call('HGETALL', step_key(key))
  if #flat == 0 then return nil end
  local step = {}
  for i = 1, #flat, 2 do step[flat[i]] = flat[i + 1] end
  return step
end

-- Tallies: kept here while the script runs, written once by `reply`, so that a list of steps costs no more of
-- them than one step. They are read through `tally` alone.
local before = { counts = {}, totals = {}, lanecost = {} }
local change = { counts = {}, totals = {}, lanecost = {} }

local function add(hash, name, by)
  change[hash][name] = (change[hash][name] or 0) + by
end

local function tally(hash, name)
  if not before[hash][name] then
    before[hash][name] = tonumber(redis.call('HGET', ns .. ':' .. hash, name) or 0)
  end
  return before[hash][name] + (change[hash][name] or 0)
end

local function write_rate()
  local bucket = math.floor(now / 10000)
  if redis.call('HINCRBY', ns .. ':rate', bucket, #ended) > #ended then return end
  for _, old in ipairs(redis.call('HKEYS', ns .. ':rate')) do
    if tonumber(old) <= bucket - 6 then redis.call('HDEL', ns .. ':rate', old) end
  end
end

-- How every transition ends.
local function reply(answer)
  for hash, names in pairs(change) do
    for name, by in pairs(names) do
      if hash == 'lanecost' and tally(hash, name) == 0 then
        redis.call('HDEL', ns .. ':lanecost', name)
      elseif by ~= 0 then
        redis.call('HINCRBY', ns .. ':' .. hash, name, by)
      end
    end
  end
  if #ended > 0 then write_rate() end
  return cjson.encode(answer)
end

-- A call's lease does not change for the better while a script asks: those that a list of steps share are read once.
local live = {}

local function is_live(call)
  if live[call] == nil then
    local lease = redis.call('ZSCORE', ns .. ':calls', call)
    live[call] = lease and tonumber(lease) > now
  end
  return live[call]
end

-- Steps that this script has made: what it knows of them needs no reading.
local made = {}

-- Is anybody waiting for the step? Interest whose call has lapsed does not count.
local function wanted(key)
  if made[key] then return true end
  for _, call in ipairs(redis.call('SMEMBERS', want_key(key))) do
    if is_live(call) then return true end
  end
  return false
end

local function forget_interest(key)
  for _, call in ipairs(redis.call('SMEMBERS', want_key(key))) do
    redis.call('SREM', call_key(call), key)
  end
  redis.call('DEL', want_key(key))
end

-- A lane's predicted cost grows and shrinks with its queued steps: its first step opens it, its last closes it.
-- TAKE has just rotated the lane it works on to the end, so LREM looks there first.
local function grow_lane(step)
  local lane = lane_of(step)
  local name, cost = lane_name(step.n, lane), tonumber(step.c)
  add('lanecost', name, cost)
  if tally('lanecost', name) == cost and redis.call('RPUSH', ns .. ':lanes:' .. step.n, lane) == 1 then
    redis.call('RPUSH', ns .. ':tenants', step.n)
  end
end

local function shrink_lane(step)
  local lane = lane_of(step)
  local name = lane_name(step.n, lane)
  add('lanecost', name, -tonumber(step.c))
  if tally('lanecost', name) > 0 then return end
  redis.call('DEL', ready_key(step.n, lane))
  redis.call('LREM', ns .. ':lanes:' .. step.n, -1, lane)
  if redis.call('EXISTS', ns .. ':lanes:' .. step.n) == 0 then
    redis.call('LREM', ns .. ':tenants', -1, step.n)
  end
end

-- Take the step out of the counters and timers of the state it is leaving. When none is queued, nothing waits
-- for workers or for the window any more.
local function leave(key, step)
  add('counts', step.s, -1)
  if step.s == 'QUEUED' then
    shrink_lane(step)
    if tally('counts', 'QUEUED') == 0 then
      redis.call('HDEL', ns .. ':counts', 'no_workers_since', 'window_full_since')
    end
    return
  end
  redis.call('ZREM', ns .. ':due', key)
  if step.s == 'RETRY_WAIT' and tally('counts', 'RETRY_WAIT') == 0 then
    redis.call('HDEL', ns .. ':counts', 'retry_wait_since')
  end
  if step.s ~= 'RETRY_WAIT' then add('counts', 'out', -tonumber(step.c)) end
end

local function enter(key, step, state, due)
  step.s = state
  add('counts', state, 1)
  if state == 'RETRY_WAIT' then redis.call('HSETNX', ns .. ':counts', 'retry_wait_since', now) end
  if state == 'SENT' or state == 'RUNNING' then add('counts', 'out', tonumber(step.c)) end
  if due then redis.call('ZADD', ns .. ':due', due, key) end
end

-- Put a step in its lane, at the front when it has waited its turn before.
local function enqueue(key, step, front)
  enter(key, step, 'QUEUED')
  redis.call(front and 'LPUSH' or 'RPUSH', ready_key(step.n, lane_of(step)), key)
  grow_lane(step)
end

-- Remove a step nobody waits for.
local function erase(key, step)
  leave(key, step)
  forget_interest(key)
  redis.call('DEL', step_key(key))
  add('totals', 'dropped', 1)
end

-- What an outcome keeps of its step. The rest, the spec above all, served the running and would only weigh.
local KEPT = { 't', 'g', 'n', 'j', 'f', 'tr', 'q', 'b', 'a', 'ai', 'ad' }

local function finish(key, step, state, fields)
  leave(key, step)
  step.s = state
  local kept = { 's', state, 'e', now, unpack(fields) }
  for _, name in ipairs(KEPT) do
    if step[name] then
      kept[#kept + 1] = name
      kept[#kept + 1] = step[name]
    end
  end
  redis.call('DEL', step_key(key))
  redis.call('HSET', step_key(key), unpack(kept))
  redis.call('PEXPIRE', step_key(key), limits.step_ttl_ms)
  forget_interest(key)
  ended[#ended + 1] = key
  add('totals', state, 1)
end

local function fail(key, step, reason, message, kind, quarantine)
  finish(key, step, 'FAILED', { 'r', reason, 'm', message, 'k', kind })
  add('totals', 'failed:' .. reason, 1)
  if quarantine then redis.call('ZADD', ns .. ':quarantine', now, key) end
end

-- Back to the queue, keeping the token: a late COMMIT wins until the next CLAIM.
local function requeue(key, step)
  if not wanted(key) then
    erase(key, step)
    return 'dropped'
  end
  leave(key, step)
  redis.call('HSET', step_key(key), 's', 'QUEUED', 'hd', 0)
  enqueue(key, step, true)
  return 'requeued'
end

-- A worker was lost with the step in hand.
local function charge_infrastructure(key, step)
  local lost = redis.call('HINCRBY', step_key(key), 'ai', 1)
  step.ai = lost
  if lost >= limits.infrastructure_attempts then
    fail(key, step, 'ATTEMPTS_EXHAUSTED', 'The workers running this step were lost ' .. lost .. ' times.', 'P', true)
    return 'failed'
  end
  if lost >= limits.infrastructure_attempts - 3 then redis.call('HSET', step_key(key), 'al', 1) end
  return requeue(key, step)
end

local function outcome(key, step)
  return {
    key = key, state = step.s, generation = tonumber(step.g), digest = step.d, summary = step.u,
    children = step.h, reason = step.r, message = step.m, kind = step.k, traceparent = step.tr,
    queued_ms = tonumber(step.q), begun_ms = tonumber(step.b or 0), ended_ms = tonumber(step.e or 0),
    attempt = tonumber(step.a or 0), job = step.j,
  }
end

local function live_slots()
  local slots = 0
  local beats = redis.call('ZRANGEBYSCORE', ns .. ':beats', now - limits.worker_ttl_ms, '+inf')
  for _, worker in ipairs(beats) do
    slots = slots + tonumber(redis.call('HGET', ns .. ':slots', worker) or 0)
  end
  return slots, #beats
end

-- Can a live worker run it? The empty fingerprint runs anywhere.
local function announced(fingerprint)
  if fingerprint == '' then return true end
  return redis.call('ZCOUNT', ns .. ':engine:' .. fingerprint, now - limits.worker_ttl_ms, '+inf') > 0
end

-- Wake every server that waits: the steps that ended, or nothing but "there is room, or work".
local function emit(kick)
  if #ended > 0 or kick then
    redis.call('XADD', ns .. ':events', 'MINID', '~', math.max(0, now - limits.event_ttl_ms), '*',
      'k', table.concat(ended, ' '))
  end
end

-- When TAKE is to look again at what it held back.
local held_until = nil

local function look_again(at)
  held_until = math.min(at, held_until or at)
end

local function next_due()
  if unfinished then return 0 end
  local first = redis.call('ZRANGE', ns .. ':due', 0, 0, 'WITHSCORES')
  local lapse = redis.call('ZRANGE', ns .. ':calls', 0, 0, 'WITHSCORES')
  local at = first[2] and tonumber(first[2]) or nil
  if held_until and (not at or held_until < at) then at = held_until end
  if lapse[2] and (not at or tonumber(lapse[2]) < at) then at = tonumber(lapse[2]) end
  return at and math.max(0, at - now) or -1
end

local function give_back_interest(call, key)
  redis.call('SREM', want_key(key), call)
  local step = load(key)
  if step and (step.s == 'QUEUED' or step.s == 'RETRY_WAIT') and not wanted(key) then erase(key, step) end
end

-- End the call's interest. A call of very many steps lapses at once, and EXPIRE comes back for the rest.
local function drop_call(call)
  live[call] = false
  for _, key in ipairs(redis.call('SPOP', call_key(call), patience)) do
    give_back_interest(call, key)
    patience = patience - 1
  end
  if redis.call('EXISTS', call_key(call)) == 0 then
    redis.call('ZREM', ns .. ':calls', call)
  else
    redis.call('ZADD', ns .. ':calls', now, call)
    unfinished = true
  end
end
