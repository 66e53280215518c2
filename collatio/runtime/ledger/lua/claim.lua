-- CLAIM {worker, engines: {name: true}, message, steps}: a verdict a step. `run` grants a new token and a lease.
-- The first step run is the one in hand.
--
-- Tokens are drawn from the clock, not from the step: a step may be forgotten and made again, or the store may
-- come back a second older, and neither may hand out a token that somebody still holds.
local verdicts = {}
local first = true
local kick = false
local newest = nil

local function grant()
  newest = math.max(now, (newest or tonumber(redis.call('HGET', ns .. ':totals', 'token') or 0)) + 1)
  return newest
end

local function claim(key)
  local step = load(key)
  if not step then return { verdict = 'dropped' } end
  if step.s == 'DONE' or step.s == 'FAILED' then return { verdict = 'done' } end
  if step.s == 'RETRY_WAIT' then return { verdict = 'busy' } end
  if step.s == 'RUNNING' then
    local due = tonumber(redis.call('ZSCORE', ns .. ':due', key) or 0)
    if due > now then return { verdict = 'busy' } end
    local after = step.hd == '1' and charge_infrastructure(key, step) or requeue(key, step)
    if after ~= 'requeued' then return { verdict = after == 'failed' and 'done' or 'dropped' } end
    step = load(key)
  end
  if not wanted(key) then
    erase(key, step)
    kick = true
    return { verdict = 'dropped' }
  end
  if step.f ~= '' and not args.engines[step.f] then
    leave(key, step)
    enter(key, step, 'RETRY_WAIT', now + 1000)
    redis.call('HSET', step_key(key), 's', 'RETRY_WAIT')
    kick = true
    return { verdict = 'wrong_engine' }
  end
  leave(key, step)
  enter(key, step, 'RUNNING', now + limits.lease_ms)
  local token, attempt = grant(), tonumber(step.a or 0) + 1
  redis.call('HSET', step_key(key), 's', 'RUNNING', 't', token, 'a', attempt, 'x', args.message,
    'w', args.worker, 'b', now, 'hd', first and 1 or 0)
  first = false
  return { verdict = 'run', token = token, attempt = attempt, spec = step.p, traceparent = step.tr,
    queued_ms = tonumber(step.q), generation = tonumber(step.g) }
end

for i, key in ipairs(args.steps) do
  verdicts[i] = claim(key)
  verdicts[i].key = key
end
if newest then redis.call('HSET', ns .. ':totals', 'token', newest) end
emit(kick)
return reply({ steps = verdicts })
