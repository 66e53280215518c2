-- REMOVE {job, sequence}: delete an ended job; a sequence of -1 stands for any.
local key = job_key(args.job)
local state = redis.call('HGET', key, 'state')
if not state then return cjson.encode({ verdict = 'gone' }) end
if not ENDED[state] then return cjson.encode({ verdict = 'running' }) end
if args.sequence >= 0 and redis.call('LLEN', events_key(args.job)) ~= args.sequence then
  return cjson.encode({ verdict = 'changed' })
end
forget(args.job)
return cjson.encode({ verdict = 'removed' })
