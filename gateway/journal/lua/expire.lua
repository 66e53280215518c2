-- EXPIRE {jobs_max, record_ttl_ms}: results whose time has come are dropped, the record is kept; a record whose
-- own time has come goes too, with its events and its request id.
local expired = redis.call('ZRANGEBYSCORE', ns .. ':expiring', '-inf', now, 'LIMIT', 0, args.jobs_max)
for _, job in ipairs(expired) do
  redis.call('ZREM', ns .. ':expiring', job)
  if redis.call('EXISTS', job_key(job)) == 1 then
    redis.call('HSET', job_key(job), 'state', 'EXPIRED')
    redis.call('HDEL', job_key(job), 'plan', 'conclusion', 'kept')
    drop_results(job)
    redis.call('ZADD', ns .. ':forgetting', now + args.record_ttl_ms, job)
    tell(job)
  end
end
local forgotten = redis.call('ZRANGEBYSCORE', ns .. ':forgetting', '-inf', now, 'LIMIT', 0, args.jobs_max)
for _, job in ipairs(forgotten) do forget(job) end
return cjson.encode({ count = #expired + #forgotten })
