-- RENEW {steps: [{key, token}], in_hand}: extend leases. ok; lost (another holds it, or it ended); unwanted
-- (nobody waits any more: stop and RELEASE).
-- ZREM before ZADD: a full store refuses what may grow, until a script has written; it shall not cost a lease.
local verdicts = {}
for i, item in ipairs(args.steps) do
  local step = load(item.key)
  if not step or step.s ~= 'RUNNING' or tonumber(step.t) ~= item.token then
    verdicts[i] = 'lost'
  elseif not wanted(item.key) then
    verdicts[i] = 'unwanted'
  else
    redis.call('ZREM', ns .. ':due', item.key)
    redis.call('ZADD', ns .. ':due', now + limits.lease_ms, item.key)
    redis.call('HSET', step_key(item.key), 'hd', item.key == args.in_hand and 1 or 0)
    verdicts[i] = 'ok'
  end
end
return reply({ verdicts = verdicts })
