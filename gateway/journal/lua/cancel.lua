-- CANCEL {job} + event: ask a job to stop. A queued job that nobody holds still needs a gateway to end it.
local state = redis.call('HGET', job_key(args.job), 'state')
if not state then return cjson.encode({ verdict = 'gone' }) end
if state == 'CANCELLING' or state == 'CANCELLED' then return cjson.encode({ verdict = 'cancelling' }) end
if ENDED[state] then return cjson.encode({ verdict = 'ended' }) end
redis.call('HSET', job_key(args.job), 'state', 'CANCELLING')
redis.call('RPUSH', events_key(args.job), ARGV[3])
tell(args.job)
return cjson.encode({ verdict = 'cancelling' })
