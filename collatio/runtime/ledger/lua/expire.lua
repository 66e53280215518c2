-- EXPIRE {steps_max}: do what is due. SENT: dispatched again, uncharged. RUNNING: its worker is lost. RETRY_WAIT:
-- its time has come. Calls that lapsed lose their interest. Answers how many were due; more may remain.
-- What was given up on is listed as long as the step is kept.
local due = redis.call('ZRANGEBYSCORE', ns .. ':due', '-inf', now, 'LIMIT', 0, args.steps_max)
for _, call in ipairs(redis.call('ZRANGEBYSCORE', ns .. ':calls', '-inf', now, 'LIMIT', 0, 16)) do
  drop_call(call)
end
local forgotten = now - limits.step_ttl_ms
for _, key in ipairs(redis.call('ZRANGEBYSCORE', ns .. ':quarantine', '-inf', forgotten, 'LIMIT', 0, 16)) do
  if redis.call('EXISTS', step_key(key)) == 0 then redis.call('ZREM', ns .. ':quarantine', key) end
end
for _, key in ipairs(due) do
  local step = load(key)
  if not step then
    redis.call('ZREM', ns .. ':due', key)
  elseif step.s == 'RUNNING' and step.hd == '1' then
    charge_infrastructure(key, step)
  else
    if step.s == 'SENT' then add('totals', 'redispatched', 1) end
    requeue(key, step)
  end
end
emit(false)
return reply({ count = #due, messages = take(args.messages_max), next_due_ms = next_due() })
