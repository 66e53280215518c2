-- BEAT {worker, slots, engines, info}: a worker announces that it lives and what it can run.
-- RETIRE is a beat with no slots. Servers are woken by what gives work a new place to go: a worker that is new
-- or back, more slots, another engine.
local last = tonumber(redis.call('ZSCORE', ns .. ':beats', args.worker) or 0)
local kick = args.slots == 0 or last < now - limits.worker_ttl_ms
if args.slots == 0 then
  redis.call('ZREM', ns .. ':beats', args.worker)
  redis.call('HDEL', ns .. ':slots', args.worker)
  redis.call('HDEL', ns .. ':workers', args.worker)
  for _, engine in ipairs(args.engines) do redis.call('ZREM', ns .. ':engine:' .. engine, args.worker) end
else
  redis.call('ZADD', ns .. ':beats', now, args.worker)
  if args.slots > tonumber(redis.call('HGET', ns .. ':slots', args.worker) or 0) then kick = true end
  redis.call('HSET', ns .. ':slots', args.worker, args.slots)
  redis.call('HSET', ns .. ':workers', args.worker, args.info)
  for _, engine in ipairs(args.engines) do
    local key = ns .. ':engine:' .. engine
    if redis.call('ZADD', key, now, args.worker) == 1 then kick = true end
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now - limits.event_ttl_ms)
    redis.call('PEXPIRE', key, limits.event_ttl_ms)
  end
end
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', ns .. ':beats', '-inf', now - limits.event_ttl_ms)) do
  redis.call('ZREM', ns .. ':beats', dead)
  redis.call('HDEL', ns .. ':slots', dead)
  redis.call('HDEL', ns .. ':workers', dead)
end
emit(kick)
return reply({})
