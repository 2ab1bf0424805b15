// @ts-nocheck
// Generated from schema/ by scripts/generate.ts, do not modify.

import type { SchemaShape } from "../shape.ts";

export const schema: SchemaShape = {
  identifier: "CTL1",
  root: "Message",
  tables: [
    { name: "Accepted", fields: [
      {"name":"process","slot":4,"required":true,"kind":"string"},
      {"name":"stdin_offset","slot":6,"kind":"scalar","bytes":8},
    ] },
    { name: "Attach", fields: [
      {"name":"key","slot":4,"required":true,"kind":"scalars","bytes":1},
      {"name":"stdout_offset","slot":6,"kind":"scalar","bytes":8},
      {"name":"stderr_offset","slot":8,"kind":"scalar","bytes":8},
      {"name":"events_seen","slot":10,"kind":"scalar","bytes":8},
    ] },
    { name: "Bytes", fields: [
      {"name":"value","slot":4,"required":true,"kind":"scalars","bytes":1},
    ] },
    { name: "CloseStream", fields: [
      {"name":"stream","slot":4,"kind":"scalar","bytes":1},
    ] },
    { name: "Credit", fields: [
      {"name":"stream","slot":4,"kind":"scalar","bytes":1},
      {"name":"offset","slot":6,"kind":"scalar","bytes":8},
    ] },
    { name: "Event", fields: [
      {"name":"sequence","slot":4,"kind":"scalar","bytes":8},
      {"name":"monotonic","slot":6,"kind":"scalar","bytes":8},
      {"name":"realtime","slot":8,"kind":"scalar","bytes":8},
      {"name":"process","slot":10,"required":true,"kind":"string"},
      {"name":"fact","slot":14,"required":true,"kind":"union","members":["Started","NotStarted","Exited","StreamEnded","TreeEmpty","Stopping","Killing","Stuck","Signaled","Unknown"]},
    ] },
    { name: "Exited", fields: [
      {"name":"status","slot":4,"kind":"scalar","bytes":4},
      {"name":"cause","slot":6,"kind":"scalar","bytes":1},
      {"name":"usage","slot":8,"required":true,"kind":"table","table":"ResourceUse"},
      {"name":"stdout_length","slot":10,"kind":"scalar","bytes":8},
      {"name":"stderr_length","slot":12,"kind":"scalar","bytes":8},
      {"name":"tree_left","slot":14,"kind":"scalar","bytes":1},
      {"name":"survivors","slot":16,"kind":"tables","table":"Survivor"},
    ] },
    { name: "Goodbye", fields: [
      {"name":"code","slot":4,"required":true,"kind":"string"},
      {"name":"text","slot":6,"required":true,"kind":"string"},
    ] },
    { name: "Hello", fields: [
      {"name":"protocol_min","slot":4,"kind":"scalar","bytes":2},
      {"name":"protocol_max","slot":6,"kind":"scalar","bytes":2},
      {"name":"software","slot":8,"required":true,"kind":"string"},
      {"name":"host","slot":10,"required":true,"kind":"string"},
      {"name":"incarnation","slot":12,"required":true,"kind":"scalars","bytes":1},
      {"name":"insecure","slot":14,"kind":"scalar","bytes":1},
      {"name":"monotonic","slot":16,"kind":"scalar","bytes":8},
      {"name":"realtime","slot":18,"kind":"scalar","bytes":8},
      {"name":"limits","slot":20,"kind":"tables","table":"Limit"},
    ] },
    { name: "Input", fields: [
      {"name":"offset","slot":4,"kind":"scalar","bytes":8},
      {"name":"bytes","slot":6,"required":true,"kind":"scalars","bytes":1},
      {"name":"end","slot":8,"kind":"scalar","bytes":1},
    ] },
    { name: "Killing", fields: [
    ] },
    { name: "Limit", fields: [
      {"name":"name","slot":4,"required":true,"kind":"string"},
      {"name":"value","slot":6,"kind":"scalar","bytes":8},
    ] },
    { name: "Message", fields: [
      {"name":"operation","slot":4,"kind":"scalar","bytes":4},
      {"name":"body","slot":8,"required":true,"kind":"union","members":["Hello","Goodbye","Ping","Pong","Refusal","Probe","ProbeReply","Status","StatusReply","Shutdown","StartProcess","Attach","Accepted","Output","OutputGap","Input","Credit","CloseStream","Signal","Stop","Release","Event","Revoke","Revoked"]},
    ] },
    { name: "NotStarted", fields: [
      {"name":"phase","slot":4,"kind":"scalar","bytes":1},
      {"name":"error_number","slot":6,"kind":"scalar","bytes":4},
      {"name":"path","slot":8,"required":true,"kind":"scalars","bytes":1},
      {"name":"interpreter","slot":10,"kind":"scalar","bytes":1},
    ] },
    { name: "Output", fields: [
      {"name":"stream","slot":4,"kind":"scalar","bytes":1},
      {"name":"offset","slot":6,"kind":"scalar","bytes":8},
      {"name":"bytes","slot":8,"required":true,"kind":"scalars","bytes":1},
    ] },
    { name: "OutputGap", fields: [
      {"name":"stream","slot":4,"kind":"scalar","bytes":1},
      {"name":"offset","slot":6,"kind":"scalar","bytes":8},
      {"name":"length","slot":8,"kind":"scalar","bytes":8},
    ] },
    { name: "Ping", fields: [
      {"name":"token","slot":4,"kind":"scalar","bytes":8},
    ] },
    { name: "Pong", fields: [
      {"name":"token","slot":4,"kind":"scalar","bytes":8},
    ] },
    { name: "Probe", fields: [
      {"name":"token","slot":4,"kind":"scalar","bytes":8},
    ] },
    { name: "ProbeReply", fields: [
      {"name":"token","slot":4,"kind":"scalar","bytes":8},
      {"name":"received_monotonic","slot":6,"kind":"scalar","bytes":8},
      {"name":"received_realtime","slot":8,"kind":"scalar","bytes":8},
      {"name":"sent_monotonic","slot":10,"kind":"scalar","bytes":8},
      {"name":"sent_realtime","slot":12,"kind":"scalar","bytes":8},
    ] },
    { name: "Refusal", fields: [
      {"name":"code","slot":4,"required":true,"kind":"string"},
      {"name":"text","slot":6,"required":true,"kind":"string"},
    ] },
    { name: "Release", fields: [
    ] },
    { name: "ResourceUse", fields: [
      {"name":"user_us","slot":4,"kind":"scalar","bytes":8},
      {"name":"system_us","slot":6,"kind":"scalar","bytes":8},
      {"name":"max_rss_kib","slot":8,"kind":"scalar","bytes":8},
      {"name":"minor_faults","slot":10,"kind":"scalar","bytes":8},
      {"name":"major_faults","slot":12,"kind":"scalar","bytes":8},
      {"name":"voluntary_switches","slot":14,"kind":"scalar","bytes":8},
      {"name":"involuntary_switches","slot":16,"kind":"scalar","bytes":8},
    ] },
    { name: "Revoke", fields: [
      {"name":"fingerprint","slot":4,"required":true,"kind":"string"},
    ] },
    { name: "Revoked", fields: [
      {"name":"known","slot":4,"kind":"scalar","bytes":1},
      {"name":"sessions","slot":6,"kind":"scalar","bytes":4},
    ] },
    { name: "Shutdown", fields: [
    ] },
    { name: "Signal", fields: [
      {"name":"serial","slot":4,"kind":"scalar","bytes":4},
      {"name":"signal","slot":6,"kind":"scalar","bytes":1},
      {"name":"scope","slot":8,"kind":"scalar","bytes":1},
    ] },
    { name: "Signaled", fields: [
      {"name":"serial","slot":4,"kind":"scalar","bytes":4},
      {"name":"signal","slot":6,"kind":"scalar","bytes":1},
      {"name":"hits","slot":8,"kind":"scalar","bytes":4},
      {"name":"error_number","slot":10,"kind":"scalar","bytes":4},
    ] },
    { name: "StartProcess", fields: [
      {"name":"key","slot":4,"required":true,"kind":"scalars","bytes":1},
      {"name":"incarnation","slot":6,"required":true,"kind":"scalars","bytes":1},
      {"name":"argv","slot":8,"required":true,"kind":"tables","table":"Bytes"},
      {"name":"env","slot":10,"required":true,"kind":"tables","table":"Bytes"},
      {"name":"directory","slot":12,"required":true,"kind":"scalars","bytes":1},
      {"name":"stdin","slot":14,"kind":"scalar","bytes":1},
      {"name":"timeout_ms","slot":16,"kind":"scalar","bytes":8},
      {"name":"grace_ms","slot":18,"kind":"scalar","bytes":4},
      {"name":"on_disconnect","slot":20,"kind":"scalar","bytes":1},
      {"name":"lease_ms","slot":22,"kind":"scalar","bytes":4},
      {"name":"tree","slot":24,"kind":"scalar","bytes":1},
    ] },
    { name: "Started", fields: [
      {"name":"pid","slot":4,"kind":"scalar","bytes":4},
    ] },
    { name: "Status", fields: [
    ] },
    { name: "StatusReply", fields: [
      {"name":"pid","slot":4,"kind":"scalar","bytes":4},
      {"name":"addresses","slot":6,"kind":"strings"},
      {"name":"started_monotonic","slot":8,"kind":"scalar","bytes":8},
      {"name":"sessions","slot":10,"kind":"scalar","bytes":4},
      {"name":"processes","slot":12,"kind":"scalar","bytes":4},
      {"name":"child_nofile","slot":14,"kind":"scalar","bytes":8},
    ] },
    { name: "Stop", fields: [
      {"name":"grace_ms","slot":4,"kind":"scalar","bytes":4},
    ] },
    { name: "Stopping", fields: [
      {"name":"cause","slot":4,"kind":"scalar","bytes":1},
      {"name":"grace_ms","slot":6,"kind":"scalar","bytes":4},
    ] },
    { name: "StreamEnded", fields: [
      {"name":"stream","slot":4,"kind":"scalar","bytes":1},
      {"name":"length","slot":6,"kind":"scalar","bytes":8},
    ] },
    { name: "Stuck", fields: [
      {"name":"left","slot":4,"kind":"scalar","bytes":4},
      {"name":"pid","slot":6,"kind":"scalar","bytes":4},
    ] },
    { name: "Survivor", fields: [
      {"name":"pid","slot":4,"kind":"scalar","bytes":4},
      {"name":"command","slot":6,"required":true,"kind":"scalars","bytes":1},
    ] },
    { name: "TreeEmpty", fields: [
    ] },
    { name: "Unknown", fields: [
      {"name":"why","slot":4,"required":true,"kind":"string"},
      {"name":"from","slot":6,"kind":"scalar","bytes":8},
      {"name":"to","slot":8,"kind":"scalar","bytes":8},
    ] },
  ],
};
