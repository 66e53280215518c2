-- SETTLE {results: [{key, token, kind, ...}], in_hand, in_hand_token}: COMMIT and FAIL, in lists.
--   done       {digest, summary, children, provisional?}
--   permanent  {reason, message}
--   transient  {reason, message, retry_after_ms}    the fourth is terminal
--   crash      {reason, message}                    charged to the document; its second is terminal, quarantined
--   release    {}                                   uncharged: a graceful stop, or an unwanted step
-- Verdicts: committed, duplicate (it is DONE with the same digest), fenced, requeued, waiting, failed, dropped.
local verdicts = {}
local kick = false

local settle = {}

function settle.done(key, step, item)
  local fields = { 'd', item.digest, 'u', item.summary, 'h', item.children or '' }
  if item.provisional then
    fields[#fields + 1] = 'k'
    fields[#fields + 1] = 'V'
  end
  finish(key, step, 'DONE', fields)
  return 'committed'
end

function settle.permanent(key, step, item)
  fail(key, step, item.reason, item.message, 'P', false)
  return 'failed'
end

function settle.transient(key, step, item)
  local tries = redis.call('HINCRBY', step_key(key), 'at', 1)
  if tries >= limits.transient_attempts then
    fail(key, step, item.reason, item.message, 'T', false)
    return 'failed'
  end
  leave(key, step)
  enter(key, step, 'RETRY_WAIT', now + item.retry_after_ms)
  redis.call('HSET', step_key(key), 's', 'RETRY_WAIT', 'r', item.reason, 'm', item.message, 'hd', 0)
  kick = true -- tells of no outcome: there is room, and a new due time to learn
  return 'waiting'
end

function settle.crash(key, step, item)
  local crashes = redis.call('HINCRBY', step_key(key), 'ad', 1)
  step.ad = crashes
  if crashes >= limits.document_attempts then
    fail(key, step, item.reason, item.message, 'P', true)
    return 'failed'
  end
  redis.call('HSET', step_key(key), 'al', 1)
  kick = true
  return requeue(key, step)
end

function settle.release(key, step)
  kick = true
  return requeue(key, step)
end

for i, item in ipairs(args.results) do
  local step = load(item.key)
  if not step then
    verdicts[i] = 'fenced'
  elseif step.s == 'DONE' or step.s == 'FAILED' then
    verdicts[i] = (step.s == 'DONE' and item.digest ~= nil and item.digest == step.d) and 'duplicate' or 'fenced'
  elseif item.token == 0 or tonumber(step.t) ~= item.token then
    verdicts[i] = 'fenced' -- 0 is nobody's: it stands in a step that no one claimed
  elseif item.kind ~= 'done' and step.s ~= 'RUNNING' then
    verdicts[i] = 'fenced'
  else
    verdicts[i] = settle[item.kind](item.key, step, item)
  end
end
if args.in_hand ~= '' then
  local step = load(args.in_hand)
  if step and step.s == 'RUNNING' and tonumber(step.t) == args.in_hand_token then
    redis.call('HSET', step_key(args.in_hand), 'hd', 1)
  end
end
emit(kick)
return reply({ verdicts = verdicts })
