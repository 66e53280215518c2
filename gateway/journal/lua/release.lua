-- RELEASE {job, epoch}: give a job back, for another gateway to take at once.
if tonumber(redis.call('HGET', job_key(args.job), 'epoch') or -1) == args.epoch
    and redis.call('ZSCORE', ns .. ':open', args.job) then
  redis.call('ZADD', ns .. ':open', 0, args.job)
  tell(args.job)
end
return cjson.encode({})
