-- QUARANTINE {offset, count}: steps given up on, latest first, with their history.
local keys = redis.call('ZREVRANGE', ns .. ':quarantine', args.offset, args.offset + args.count - 1)
local steps = {}
for _, key in ipairs(keys) do
  local step = load(key)
  if step then
    local entry = outcome(key, step)
    entry.job = step.j
    entry.document_attempts = tonumber(step.ad or 0)
    entry.infrastructure_attempts = tonumber(step.ai or 0)
    steps[#steps + 1] = entry
  else
    redis.call('ZREM', ns .. ':quarantine', key)
  end
end
return reply({ steps = steps, total = redis.call('ZCARD', ns .. ':quarantine') })
