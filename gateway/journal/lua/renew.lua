-- RENEW {lease_ms, jobs: [{job, epoch}]}: keep leases; answers those that are lost.
local lost = {}
for _, held in ipairs(args.jobs) do
  local epoch = redis.call('HGET', job_key(held.job), 'epoch')
  if epoch and tonumber(epoch) == held.epoch and redis.call('ZSCORE', ns .. ':open', held.job) then
    redis.call('ZADD', ns .. ':open', now + args.lease_ms, held.job)
  else
    lost[#lost + 1] = held.job
  end
end
return cjson.encode({ lost = lost })
