-- ABANDON {message, steps}: a pool child died. The step in hand is charged to infrastructure, the rest of its
-- message goes back uncharged.
for _, key in ipairs(args.steps) do
  local step = load(key)
  if step and step.s == 'RUNNING' and step.x == args.message then
    if step.hd == '1' then charge_infrastructure(key, step) else requeue(key, step) end
  end
end
emit(true)
return reply({})
