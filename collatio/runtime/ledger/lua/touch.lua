-- TOUCH {calls}: keep the calls' interest for another lease. Answers those that had lapsed: they submit again.
-- ZREM before ZADD: as in RENEW, a full store shall not cost a lease.
local lapsed = {}
for _, call in ipairs(args.calls) do
  local lease = redis.call('ZSCORE', ns .. ':calls', call)
  if lease and tonumber(lease) > now then
    redis.call('ZREM', ns .. ':calls', call)
    redis.call('ZADD', ns .. ':calls', now + limits.call_lease_ms, call)
  else
    lapsed[#lapsed + 1] = call
  end
end
return reply({ lapsed = lapsed })
