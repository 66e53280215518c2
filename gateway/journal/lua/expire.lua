-- EXPIRE {jobs_max}: results whose time has come are dropped, the record is kept.
local expired = redis.call('ZRANGEBYSCORE', ns .. ':expiring', '-inf', now, 'LIMIT', 0, args.jobs_max)
for _, job in ipairs(expired) do
  redis.call('ZREM', ns .. ':expiring', job)
  if redis.call('EXISTS', job_key(job)) == 1 then
    redis.call('HSET', job_key(job), 'state', 'EXPIRED')
    redis.call('HDEL', job_key(job), 'plan', 'conclusion')
    redis.call('DEL', ns .. ':docs:' .. job, ns .. ':order:' .. job, ns .. ':tiles:' .. job)
    tell(job)
  end
end
return cjson.encode({ count = #expired })
