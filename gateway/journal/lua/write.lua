-- WRITE {job, epoch, run, number, fields, documents: [id], tiles: [number], drop_tiles, events: n, finish?} + values: fields'
-- values, documents, tiles, events, in that order. Refused whole unless the epoch is the job's own. A number
-- that the run wrote before is not written again: its answer was lost on the way. One that does not follow on the
-- run's last means that the store went back in time (a failover to a replica that was behind): `lost`, and the run
-- must not go on as if the journal had what it wrote.
-- finish = {state, ttl_ms}: end the job; one that is being cancelled ends CANCELLED, whatever was reached, and
-- the value after the last tells it in place of the last event.
local key = job_key(args.job)
local found = redis.call('HMGET', key, 'epoch', 'state', 'written')
if not found[1] then return cjson.encode({ verdict = 'gone' }) end
local run = args.epoch .. '-' .. args.run .. '-'
local written = args.number > 0 and run .. args.number or ''
if written ~= '' and found[3] == written then
  return cjson.encode({ verdict = 'written', state = found[2], sequence = redis.call('LLEN', events_key(args.job)) })
end
if tonumber(found[1]) ~= args.epoch or ENDED[found[2]] then return cjson.encode({ verdict = 'fenced' }) end
if args.number > 1 and found[3] ~= run .. (args.number - 1) then return cjson.encode({ verdict = 'lost' }) end
local at = 3
local function value()
  local v = ARGV[at]
  at = at + 1
  return v
end
for _, name in ipairs(args.fields) do redis.call('HSET', key, name, value()) end
for _, id in ipairs(args.documents) do
  if redis.call('HSET', ns .. ':docs:' .. args.job, id, value()) == 1 then
    redis.call('RPUSH', ns .. ':order:' .. args.job, id)
  end
end
if args.drop_tiles then redis.call('DEL', ns .. ':tiles:' .. args.job) end
for _, number in ipairs(args.tiles) do redis.call('HSET', ns .. ':tiles:' .. args.job, number, value()) end
local cancelled = args.finish and found[2] == 'CANCELLING' and args.finish.state ~= 'CANCELLED'
for index = 1, args.events do
  local event = value()
  if cancelled and index == args.events then event = ARGV[#ARGV] end
  redis.call('RPUSH', events_key(args.job), event)
end
if written ~= '' then redis.call('HSET', key, 'written', written) end
local state = found[2]
if args.begin and state == 'QUEUED' then
  state = 'RUNNING'
  redis.call('HSET', key, 'state', state, 'started', now)
end
if args.finish then
  state = args.finish.state
  if cancelled then
    state = 'CANCELLED'
    redis.call('HDEL', key, 'reason', 'message')
  end
  local tenant, id = string.match(args.job, '^([^/]*)/(.*)$')
  redis.call('HSET', key, 'state', state, 'ended', now, 'expires', now + args.finish.ttl_ms)
  redis.call('ZREM', ns .. ':open', args.job)
  redis.call('ZREM', ns .. ':open:' .. tenant, id)
  redis.call('ZADD', ns .. ':expiring', now + args.finish.ttl_ms, args.job)
end
tell(args.job)
return cjson.encode({ verdict = 'written', state = state, sequence = redis.call('LLEN', events_key(args.job)) })
