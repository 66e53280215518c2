-- STATUS {}: the stage as it is now.
local counts = {}
local flat = redis.call('HGETALL', ns .. ':counts')
for i = 1, #flat, 2 do counts[flat[i]] = tonumber(flat[i + 1]) end
local oldest = nil
for _, name in ipairs(redis.call('HRANDFIELD', ns .. ':lanecost', 64)) do
  for _, key in ipairs(redis.call('LRANGE', ns .. ':ready:' .. name, 0, 3)) do
    local queued = redis.call('HMGET', step_key(key), 's', 'q')
    if queued[1] == 'QUEUED' and (not oldest or tonumber(queued[2]) < oldest) then
      oldest = tonumber(queued[2])
    end
  end
end
local rate = 0
local minute = math.floor(now / 10000)
for bucket = minute - 5, minute do rate = rate + tonumber(redis.call('HGET', ns .. ':rate', bucket) or 0) end
local slots, workers = live_slots()
local infos = {}
for _, worker in ipairs(redis.call('ZRANGEBYSCORE', ns .. ':beats', now - limits.worker_ttl_ms, '+inf')) do
  infos[#infos + 1] = redis.call('HGET', ns .. ':workers', worker)
end
return reply({
  queued = counts.QUEUED or 0, sent = counts.SENT or 0, running = counts.RUNNING or 0,
  retry_wait = counts.RETRY_WAIT or 0, outstanding_ms = counts.out or 0,
  no_workers_since_ms = counts.no_workers_since or 0, window_full_since_ms = counts.window_full_since or 0,
  retry_wait_since_ms = counts.retry_wait_since or 0,
  oldest_queued_ms = oldest or 0, now_ms = now, done_last_minute = rate, slots = slots, workers = workers,
  worker_infos = infos, quarantined = redis.call('ZCARD', ns .. ':quarantine'),
  due = redis.call('ZCARD', ns .. ':due'),
})
