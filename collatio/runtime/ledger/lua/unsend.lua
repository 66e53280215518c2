-- UNSEND {message, steps}: the publish failed; the steps go back to their lanes, uncharged and in order.
for i = #args.steps, 1, -1 do
  local key = args.steps[i]
  local step = load(key)
  if step and step.s == 'SENT' and step.x == args.message then requeue(key, step) end
end
return reply({})
