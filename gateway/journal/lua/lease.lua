-- LEASE {owner, lease_ms, jobs_max}: take open jobs nobody holds, each under a higher epoch.
local taken = {}
for _, job in ipairs(redis.call('ZRANGEBYSCORE', ns .. ':open', '-inf', now, 'LIMIT', 0, args.jobs_max)) do
  if redis.call('EXISTS', job_key(job)) == 0 then
    redis.call('ZREM', ns .. ':open', job)
  else
    local epoch = redis.call('HINCRBY', job_key(job), 'epoch', 1)
    local before = redis.call('HGET', job_key(job), 'run_trace')
    redis.call('HSET', job_key(job), 'owner', args.owner)
    redis.call('ZADD', ns .. ':open', now + args.lease_ms, job)
    taken[#taken + 1] = { job = job, epoch = epoch, run_trace = before or '' }
  end
end
return cjson.encode({ jobs = taken })
