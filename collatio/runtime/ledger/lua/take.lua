-- TAKE {messages_max}: see take_function.lua.
local messages = take(args.messages_max)
return reply({ messages = messages, next_due_ms = next_due() })
