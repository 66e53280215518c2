-- CREATE {job, tenant, id, request, body, trace, retry_of, retry_stage, jobs_max, refuse} + spec: accept a job, once a request
-- id. A request id seen before answers the job it made, if the body's digest is the same. `refuse` says that no
-- new job is taken; repeats are answered all the same.
local request = args.request ~= '' and (ns .. ':request:' .. args.tenant .. '/' .. args.request) or nil
if request then
  local seen = redis.call('HMGET', request, 'job', 'body')
  if seen[1] and redis.call('EXISTS', job_key(seen[1])) == 1 then
    return cjson.encode({ verdict = seen[2] == args.body and 'known' or 'reused', job = seen[1] })
  end
end
if redis.call('EXISTS', job_key(args.job)) == 1 then
  return cjson.encode({ verdict = 'exists', job = args.job })
end
if args.refuse then return cjson.encode({ verdict = 'refused', job = args.job }) end
if redis.call('ZCARD', ns .. ':open:' .. args.tenant) >= args.jobs_max then
  return cjson.encode({ verdict = 'quota', job = args.job })
end
redis.call('HSET', job_key(args.job), 'state', 'QUEUED', 'epoch', 0, 'owner', '', 'spec', ARGV[3], 'created', now,
  'trace', args.trace, 'retry_of', args.retry_of, 'retry_stage', args.retry_stage, 'request', request or '')
redis.call('ZADD', ns .. ':jobs:' .. args.tenant, now, args.id)
redis.call('ZADD', ns .. ':open', 0, args.job)
redis.call('ZADD', ns .. ':open:' .. args.tenant, now, args.id)
if request then redis.call('HSET', request, 'job', args.job, 'body', args.body) end
tell(args.job)
return cjson.encode({ verdict = 'created', job = args.job })
