-- SUBMIT {call, registered, tenant, job, steps: [{key, engine, cost_ms, spec, traceparent, reopen_before_ms?,
-- redo_before_ms?, lost?}], take}
-- Registers the call's interest and answers each step's present state. `lost` names an outcome digest whose
-- blob is gone: a step DONE with it runs again. So does one that ended before `redo_before_ms`, and one whose
-- result is provisional, when another job asks than the one it ran for. `take` > 0 also takes up to that many
-- messages.

-- `registered`: the call has submitted before. If it has lapsed meanwhile, what it wanted may be gone: nothing is done,
-- and the answer, alike however often it is asked for, is to submit all of it anew. Were the call to live again by
-- these steps alone, only the first answer could say so, and that one may be lost.
local lease = redis.call('ZSCORE', ns .. ':calls', args.call)
if args.registered and (not lease or tonumber(lease) <= now) then
  return reply({ lapsed = true, steps = {}, messages = {}, next_due_ms = next_due() })
end
redis.call('ZADD', ns .. ':calls', now + limits.call_lease_ms, args.call)

local function create(item, generation)
  local step = { s = 'NEW', n = args.tenant, j = args.job, f = item.engine, c = item.cost_ms, g = generation,
    tr = item.traceparent or '' }
  redis.call('HSET', step_key(item.key), 's', 'QUEUED', 't', 0, 'g', generation, 'n', args.tenant,
    'j', args.job, 'f', item.engine, 'c', item.cost_ms, 'p', item.spec, 'tr', step.tr, 'q', now,
    'a', 0)
  enqueue(item.key, step, false)
  made[item.key] = step
  return step
end

local function stale(item, step)
  if step.s ~= 'DONE' and step.s ~= 'FAILED' then return false end
  local ended_ms = tonumber(step.e)
  local redo = item.redo_before_ms ~= nil and ended_ms < item.redo_before_ms
  if step.s == 'DONE' then
    return redo or (item.lost ~= nil and item.lost == step.d) or (step.k == 'V' and step.j ~= args.job)
  end
  if redis.call('ZSCORE', ns .. ':quarantine', item.key) then return false end
  if redo or step.k == 'T' then return true end
  if now - ended_ms > limits.failure_ttl_ms then return true end
  return item.reopen_before_ms ~= nil and ended_ms < item.reopen_before_ms
end

local any_quarantined = redis.call('EXISTS', ns .. ':quarantine') == 1
local answers = {}
for i, item in ipairs(args.steps) do
  local step = load(item.key)
  local known = false
  if not step then
    if any_quarantined then redis.call('ZREM', ns .. ':quarantine', item.key) end
    step = create(item, 1)
  elseif stale(item, step) then
    redis.call('DEL', step_key(item.key))
    step = create(item, tonumber(step.g) + 1)
  elseif step.s == 'DONE' or step.s == 'FAILED' then
    known = true
    redis.call('PEXPIRE', step_key(item.key), limits.step_ttl_ms)
  end
  if known then
    answers[i] = outcome(item.key, step)
    answers[i].known = true
  else
    redis.call('SADD', want_key(item.key), args.call)
    redis.call('SADD', call_key(args.call), item.key)
    answers[i] = { key = item.key, state = step.s, generation = tonumber(step.g), traceparent = step.tr,
      joined = step.q ~= nil }
  end
end
local messages = {}
if args.take > 0 then messages = take(args.take) end
return reply({ lapsed = false, steps = answers, messages = messages, next_due_ms = next_due() })
