-- REPLAY {steps}: forget that these were given up on; the next SUBMIT runs them again.
local replayed = {}
for _, key in ipairs(args.steps) do
  if redis.call('ZREM', ns .. ':quarantine', key) == 1 then
    redis.call('DEL', step_key(key))
    replayed[#replayed + 1] = key
  end
end
return reply({ steps = replayed })
