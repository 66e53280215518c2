-- TAKE: choose what goes to the workers now. Round robin over tenants and, within one, over lanes (a job's
-- steps for one engine). A message never mixes jobs and carries about target_ms of predicted work, less toward a
-- lane's end, so that every slot has its share of what is left. A part of a message goes out while the workers are
-- hungry, or once its first step has waited as long as a full message takes: a small job is not held back by a big
-- one. But a message costs as much as many small steps: the more a lane has sent lately, the less often a part of
-- one leaves, hungry workers or not. What is outstanding stays inside a window of predicted time a live slot, but one
-- step is always admitted.

local SHARES = 2       -- messages a slot, at least, that what is left of a lane is cut into
local PART_OF_SENT = 16 -- a part leaves for hungry workers from this fraction of what its lane has sent on
local blocked = false

local function sent_key(tenant, lane) return ns .. ':sent:' .. lane_name(tenant, lane) end

-- The predicted cost of what a lane has sent, until it sends nothing for a while.
local function sent_lately(tenant, lane)
  local sent = redis.call('HMGET', sent_key(tenant, lane), 'c', 'at')
  return sent[1] and now - tonumber(sent[2]) <= limits.worker_ttl_ms and tonumber(sent[1]) or 0
end

local function note_sent(tenant, lane, cost)
  redis.call('HSET', sent_key(tenant, lane), 'c', sent_lately(tenant, lane) + cost, 'at', now)
  redis.call('PEXPIRE', sent_key(tenant, lane), limits.event_ttl_ms)
end

local function room(slots)
  local out = tally('counts', 'out')
  return slots * limits.window_ms - out, out
end

-- Is this lane where the step is queued? It may have gone since, even to come back for another job.
local function is_here(step, tenant, lane)
  return step and step.s == 'QUEUED' and step.n == tenant and lane_of(step) == lane
end

local function fill(tenant, lane, message, budget, slots)
  local ready = ready_key(tenant, lane)
  local total = tally('lanecost', lane_name(tenant, lane))
  local part = math.max(total / (SHARES * slots), sent_lately(tenant, lane) / PART_OF_SENT)
  local cap = math.max(limits.message_ms_min, math.min(limits.target_ms, part))
  local steps, cost, parent, job = {}, 0, '', nil
  while #steps < limits.message_steps_max do
    if patience <= 0 then
      unfinished = true
      break
    end
    local key = redis.call('LPOP', ready)
    if not key then break end
    local step = made[key] or load(key)
    if not is_here(step, tenant, lane) then
      patience = patience - 1
    elseif not wanted(key) then
      patience = patience - 1
      erase(key, step)
    else
      local predicted, alone = tonumber(step.c), step.al == '1'
      if #steps > 0 and (alone or cost + predicted > cap or cost + predicted > budget) then
        redis.call('LPUSH', ready, key)
        break
      end
      leave(key, step)
      enter(key, step, 'SENT', now + limits.dispatch_ms)
      redis.call('HSET', step_key(key), 's', 'SENT', 'x', message)
      steps[#steps + 1] = key
      if parent == '' then parent = step.tr or '' end
      cost, job = cost + predicted, step.j
      if alone then break end
    end
  end
  add('totals', 'dispatched', #steps)
  if #steps > 0 then note_sent(tenant, lane, cost) end
  return steps, cost, parent, job
end

-- May a message leave this lane now? A full one always; a part to hungry workers, or after its wait.
local function worth_sending(tenant, lane, slots, out)
  local total = tally('lanecost', lane_name(tenant, lane))
  if total >= limits.target_ms or redis.call('LLEN', ready_key(tenant, lane)) >= limits.message_steps_max then
    return true
  end
  if out < slots * limits.hungry_ms and total >= sent_lately(tenant, lane) / PART_OF_SENT then return true end
  local first = redis.call('LINDEX', ready_key(tenant, lane), 0)
  local queued = first and redis.call('HGET', step_key(first), 'q')
  if not queued or tonumber(queued) <= now - limits.target_ms then return true end
  look_again(tonumber(queued) + limits.target_ms)
  return false
end

-- The next lane of the tenant that can go, rotated to its end; nil if none can.
local function next_lane(tenant, slots, out)
  local lanes = ns .. ':lanes:' .. tenant
  for _ = 1, redis.call('LLEN', lanes) do
    local lane = redis.call('LMOVE', lanes, lanes, 'LEFT', 'RIGHT')
    if not announced(lane_engine(lane)) then
      blocked = true
    elseif worth_sending(tenant, lane, slots, out) then
      return lane
    end
  end
  return nil
end

-- The next message; nil if none can go, and then whether it was for want of room.
local function next_message(slots)
  local tenants = ns .. ':tenants'
  local left, out = room(slots)
  if left <= 0 and out > 0 then
    redis.call('HSETNX', ns .. ':counts', 'window_full_since', now)
    return nil, true
  end
  redis.call('HDEL', ns .. ':counts', 'window_full_since')
  blocked = false
  for _ = 1, redis.call('LLEN', tenants) do
    local tenant = redis.call('LMOVE', tenants, tenants, 'LEFT', 'RIGHT')
    local lane = tenant and next_lane(tenant, slots, out)
    while lane do
      add('totals', 'messages', 1)
      local message = now .. '-' .. tally('totals', 'messages')
      local steps, cost, parent, job = fill(tenant, lane, message, left, slots)
      if #steps > 0 then
        return { message = message, tenant = tenant, job = job, steps = steps, cost_ms = cost,
          traceparent = parent, engine = lane_engine(lane) }
      end
      lane = not unfinished and next_lane(tenant, slots, out)
    end
  end
  return nil
end

local function take(messages_max)
  local messages = {}
  if tally('counts', 'QUEUED') == 0 then return messages end
  local slots, workers = live_slots()
  if workers == 0 then
    redis.call('HSETNX', ns .. ':counts', 'no_workers_since', now)
    return messages
  end
  while #messages < messages_max and tally('counts', 'QUEUED') > 0 do
    local message, full = next_message(slots)
    if not message then
      if blocked then
        redis.call('HSETNX', ns .. ':counts', 'no_workers_since', now)
      elseif not full and not unfinished then
        redis.call('HDEL', ns .. ':counts', 'no_workers_since')
      end
      break
    end
    messages[#messages + 1] = message
  end
  return messages
end
