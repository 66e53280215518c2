-- REMOVE {job, sequence}: delete an ended job; a sequence of -1 stands for any.
local key = job_key(args.job)
local found = redis.call('HMGET', key, 'state', 'request')
if not found[1] then return cjson.encode({ verdict = 'gone' }) end
if not ENDED[found[1]] then return cjson.encode({ verdict = 'running' }) end
if args.sequence >= 0 and redis.call('LLEN', events_key(args.job)) ~= args.sequence then
  return cjson.encode({ verdict = 'changed' })
end
local tenant, id = string.match(args.job, '^([^/]*)/(.*)$')
if found[2] and found[2] ~= '' then redis.call('DEL', found[2]) end
redis.call('DEL', key, events_key(args.job), ns .. ':docs:' .. args.job, ns .. ':order:' .. args.job,
  ns .. ':tiles:' .. args.job)
redis.call('ZREM', ns .. ':jobs:' .. tenant, id)
redis.call('ZREM', ns .. ':expiring', args.job)
tell(args.job)
return cjson.encode({ verdict = 'removed' })
