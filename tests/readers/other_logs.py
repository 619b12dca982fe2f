"""Small logs in the shape of what gateways, servers and collectors document, with the values that are right.

Written for these tests after the products' documentation; names and texts are made up. Each case: a file's
name, its content (text, bytes, records of JSON Lines), the number of rows, and columns of its first row by
id.
"""

import json

T, S = "2026-05-04T09:00:00Z", 1_777_885_200
ASK = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Name a river."}]
BODY = {"model": "gpt-x", "messages": ASK, "temperature": 0.5, "max_tokens": 64}
REPLY = {
    "id": "chatcmpl-9",
    "object": "chat.completion",
    "created": S,
    "model": "gpt-x-0501",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "The Oder."}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 11, "completion_tokens": 4, "total_tokens": 15},
}
SSE = (
    "".join(
        f"data: {json.dumps(one)}\n\n"
        for one in (
            {
                "id": "c",
                "model": "gpt-x",
                "choices": [
                    {"index": 0, "delta": {"role": "assistant", "content": "The "}, "finish_reason": None}
                ],
            },
            {
                "id": "c",
                "model": "gpt-x",
                "choices": [{"index": 0, "delta": {"content": "Oder."}, "finish_reason": "stop"}],
            },
            {
                "id": "c",
                "model": "gpt-x",
                "choices": [],
                "usage": {"prompt_tokens": 11, "completion_tokens": 4},
            },
        )
    )
    + "data: [DONE]\n\n"
)
CLAUDE = {
    "model": "claude-x",
    "max_tokens": 64,
    "system": "Be brief.",
    "messages": [{"role": "user", "content": [{"type": "text", "text": "Name a river."}]}],
}
CLAUDE_REPLY = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [{"type": "text", "text": "The Oder."}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 11, "output_tokens": 4},
}
CLAUDE_SSE = "".join(
    f"event: {one['type']}\ndata: {json.dumps(one)}\n\n"
    for one in (
        {
            "type": "message_start",
            "message": {
                "id": "msg_1",
                "role": "assistant",
                "model": "claude-x",
                "content": [],
                "usage": {"input_tokens": 11, "output_tokens": 1},
            },
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "The Oder."}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 4}},
        {"type": "message_stop"},
    )
)
TEXT = {"prompt": "Name a river.", "response": "The Oder."}
BOTH = TEXT | {"system_prompt": "Be brief."}
COUNTS = {"input_tokens": 11, "output_tokens": 4}


def attributes(**said):
    kinds = {str: "stringValue", int: "intValue", float: "doubleValue", bool: "boolValue"}
    return [{"key": name, "value": {kinds[type(value)]: value}} for name, value in said.items()]


def span(said, **more):
    return {
        "traceId": "ab" * 16,
        "spanId": "cd" * 8,
        "name": "chat",
        "kind": 3,
        "startTimeUnixNano": str(S * 10**9),
        "endTimeUnixNano": str(S * 10**9 + 10**9),
        "attributes": attributes(**said),
    } | more


def resource(*spans):
    return {
        "resourceSpans": [
            {"resource": {"attributes": []}, "scopeSpans": [{"scope": {}, "spans": list(spans)}]}
        ]
    }


def lines(*records):
    return "".join(json.dumps(one) + "\n" for one in records)


def bedrock(**more):
    return {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": T,
        "accountId": "111122223333",
        "region": "eu-west-1",
        "identity": {"arn": "arn:aws:sts::111122223333:assumed-role/app/alice"},
        "requestId": "r-1",
    } | more


def wave(role, text):
    return {"role": role, "content": [{"text": text}]}


BEDROCK = {
    "account_id": "arn:aws:sts::111122223333:assumed-role/app/alice",
    "organization_id": "111122223333",
}
LITELLM = {
    "id": "chatcmpl-9",
    "trace_id": "t-1",
    "call_type": "acompletion",
    "response_cost": 0.001,
    "status": "success",
    "total_tokens": 15,
    "prompt_tokens": 11,
    "completion_tokens": 4,
    "startTime": S + 0.0,
    "endTime": S + 1.0,
    "completionStartTime": S + 0.4,
    "response_time": 1.0,
    "model": "gpt-x",
    "model_id": "d1",
    "model_group": "gpt-x",
    "api_base": "https://api.example",
    "cache_hit": False,
    "request_tags": [],
    "end_user": "",
    "requester_ip_address": "203.0.113.9",
    "messages": ASK,
    "response": REPLY,
    "error_str": None,
    "model_parameters": {"temperature": 0.5},
    "metadata": {
        "user_api_key_hash": "88dc",
        "user_api_key_alias": "alice-key",
        "user_api_key_team_id": "team-1",
        "user_api_key_user_id": "alice",
    },
}
VLLM_CHAT = (
    "INFO 05-04 09:00:00 [logger.py:43] Received request chatcmpl-1f: prompt: '<|im_start|>user\\nName a "
    "river.<|im_end|>\\n', params: "
    "SamplingParams(n=1, temperature=0.5, top_p=1.0, max_tokens=64, stop=[]), prompt_token_ids: None, "
    "prompt_embeds shape: None, lora_request: None."
)
KONG = {
    "client_ip": "203.0.113.9",
    "started_at": S * 1000,
    "latencies": {"request": 900, "kong": 5, "proxy": 895},
    "tries": [],
    "request": {
        "id": "k-1",
        "method": "POST",
        "uri": "/v1/chat/completions",
        "url": "http://gw:8000/v1/chat/completions",
        "headers": {"user-agent": "sdk/1"},
    },
    "response": {"status": 200, "headers": {}},
    "service": {"name": "ai"},
    "route": {"name": "chat"},
    "consumer": {"username": "alice"},
    "ai": {
        "ai-proxy": {
            "meta": {
                "plugin_id": "p",
                "provider_name": "openai",
                "request_model": "gpt-x",
                "response_model": "gpt-x-0501",
                "llm_latency": 800,
            },
            "usage": {"prompt_tokens": 11, "completion_tokens": 4, "total_tokens": 15, "cost": 0.1},
            "payload": {"request": json.dumps(BODY), "response": json.dumps(REPLY)},
        }
    },
}
APIM = {
    "DeploymentVersion": "0.40",
    "Level": 4,
    "isRequestSuccess": True,
    "time": T,
    "operationName": "Microsoft.ApiManagement/GatewayLogs",
    "category": "GatewayLogs",
    "durationMs": 900,
    "callerIpAddress": "203.0.113.9",
    "correlationId": "a-1",
    "location": "West Europe",
    "resourceId": "/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.APIMANAGEMENT/SERVICE/GW",
}
URL = "https://r.openai.azure.com/openai/deployments/gpt-dep/chat/completions?api-version=2024-10-21"
VERTEX = {
    "endpoint": "projects/7/locations/us-central1/publishers/google/models/gemini-x",
    "deployed_model_id": None,
    "logging_time": "2026-05-04 09:00:00 UTC",
    "request_id": 8107345,
    "model": "gemini-x",
    "model_version": "001",
    "api_method": "GenerateContent",
}
GEMINI = {
    "contents": [{"role": "user", "parts": [{"text": "Name a river."}]}],
    "systemInstruction": {"parts": [{"text": "Be brief."}]},
    "generationConfig": {"temperature": 0.5, "maxOutputTokens": 64},
    "labels": {"user_id": "alice"},
}
GEMINI_REPLY = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "The Oder."}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 11, "candidatesTokenCount": 4, "totalTokenCount": 15},
    "modelVersion": "gemini-x-001",
}
LANGFUSE = {
    "id": "o-1",
    "traceId": "t-1",
    "type": "GENERATION",
    "name": "chat",
    "startTime": T,
    "endTime": "2026-05-04T09:00:01Z",
    "completionStartTime": None,
    "model": "gpt-x",
    "modelParameters": {"temperature": 0.5, "max_tokens": 64},
    "input": {"messages": ASK},
    "output": {"role": "assistant", "content": "The Oder."},
    "usageDetails": {"input": 11, "output": 4, "total": 15},
    "level": "DEFAULT",
    "metadata": {},
    "userId": "alice",
    "sessionId": "s-1",
}
HELICONE = {
    "response_id": "re-1",
    "response_created_at": "2026-05-04T09:00:01+00:00",
    "response_body": REPLY,
    "response_status": 200,
    "response_model": "gpt-x",
    "request_id": "rq-1",
    "request_created_at": "2026-05-04T09:00:00+00:00",
    "request_body": BODY,
    "request_path": "https://api.openai.com/v1/chat/completions",
    "request_user_id": "alice",
    "request_properties": {"App": "x"},
    "request_model": "gpt-x",
    "delay_ms": 1000,
    "total_tokens": 15,
    "prompt_tokens": 11,
    "completion_tokens": 4,
    "provider": "OPENAI",
    "helicone_user": None,
    "country_code": "DE",
    "cache_enabled": False,
}
LANGSMITH = {
    "id": "run-1",
    "name": "ChatOpenAI",
    "run_type": "llm",
    "start_time": "2026-05-04T09:00:00.000000+00:00",
    "end_time": "2026-05-04T09:00:01+00:00",
    "extra": {
        "metadata": {
            "user_id": "alice",
            "ls_model_name": "gpt-x",
            "ls_provider": "openai",
            "ls_temperature": 0.5,
            "session_id": "s-1",
        }
    },
    "inputs": {"messages": ASK},
    "outputs": {"choices": REPLY["choices"], "usage": REPLY["usage"]},
    "session_id": "proj",
    "trace_id": "t",
    "dotted_order": "d",
    "status": "success",
    "prompt_tokens": 11,
    "completion_tokens": 4,
    "total_tokens": 15,
    "parent_run_id": None,
    "error": None,
}
ALICE, IP = {"account_id": "alice"}, {"client_ip": "203.0.113.9"}

CASES = {
    # LiteLLM
    "litellm, gcs or s3 object": ("a.json", json.dumps(LITELLM), 1, BOTH | COUNTS | ALICE | IP),
    "litellm, sqs of a failed call": (
        "a.jsonl",
        [
            LITELLM
            | {
                "status": "failure",
                "response": None,
                "error_str": "RateLimitError",
                "error_information": {"error_code": "429"},
            }
        ],
        1,
        {"prompt": "Name a river.", "response": None, "status": 429},
    ),
    "litellm, streamed with its end user": (
        "a.jsonl",
        [LITELLM | {"end_user": "bob", "stream": True, "metadata": {"user_api_key_hash": "88dc"}}],
        1,
        BOTH | {"account_id": "88dc", "stream": True},
    ),
    "litellm, anthropic messages": (
        "a.jsonl",
        [
            LITELLM
            | {"call_type": "anthropic_messages", "messages": CLAUDE["messages"], "response": CLAUDE_REPLY}
        ],
        1,
        TEXT | ALICE,
    ),
    "litellm, responses api": (
        "a.jsonl",
        [
            LITELLM
            | {
                "call_type": "aresponses",
                "messages": "Name a river.",
                "response": {
                    "id": "resp_1",
                    "object": "response",
                    "output": [
                        {
                            "type": "message",
                            "role": "assistant",
                            "content": [{"type": "output_text", "text": "The Oder."}],
                        }
                    ],
                    "usage": {"input_tokens": 11, "output_tokens": 4},
                },
            }
        ],
        1,
        TEXT | ALICE,
    ),
    "litellm, under its own key in a log line": (
        "a.jsonl",
        [{"timestamp": T, "level": "INFO", "message": json.dumps(LITELLM)}],
        1,
        BOTH | ALICE,
    ),
    "litellm, datadog": (
        "a.jsonl",
        [
            {
                "ddsource": "litellm",
                "ddtags": "env:x",
                "hostname": "h",
                "service": "llm",
                "status": "info",
                "message": json.dumps(LITELLM),
            }
        ],
        1,
        BOTH | ALICE,
    ),
    "litellm spend logs, from PostgreSQL as CSV": (
        "spend.csv",
        'request_id,call_type,api_key,spend,total_tokens,prompt_tokens,completion_tokens,startTime,endTime,model,user,metadata,messages,response\nq-1,acompletion,88dc,0.1,15,11,4,2026-05-04 09:00:00+00,2026-05-04 09:00:01+00,gpt-x,alice,"{}","'
        + json.dumps(ASK).replace('"', '""')
        + '","'
        + json.dumps(REPLY).replace('"', '""')
        + '"\n',
        1,
        BOTH | COUNTS | ALICE,
    ),
    # Langfuse
    "langfuse, public API": (
        "a.json",
        json.dumps({"data": [LANGFUSE], "meta": {"page": 1, "limit": 50, "totalItems": 1, "totalPages": 1}}),
        1,
        BOTH | COUNTS | ALICE | {"conversation_id": "s-1"},
    ),
    "langfuse, old usage": (
        "a.jsonl",
        [
            {k: v for k, v in LANGFUSE.items() if k != "usageDetails"}
            | {
                "usage": {"input": 11, "output": 4, "unit": "TOKENS"},
                "promptTokens": 11,
                "completionTokens": 4,
            }
        ],
        1,
        BOTH | COUNTS,
    ),
    "langfuse, blob export of Anthropic content": (
        "a.jsonl",
        [
            {
                "id": "o-1",
                "trace_id": "t",
                "type": "GENERATION",
                "start_time": "2026-05-04 09:00:00.000",
                "project_id": "p",
                "provided_model_name": "claude-x",
                "input": json.dumps(CLAUDE),
                "output": json.dumps(CLAUDE_REPLY),
                "usage_details": {"input": 11, "output": 4},
                "user_id": "alice",
                "session_id": "",
            }
        ],
        1,
        BOTH | COUNTS | ALICE,
    ),
    # Helicone
    "helicone, request query": (
        "a.json",
        json.dumps({"data": [HELICONE], "error": None}),
        1,
        BOTH | COUNTS | ALICE | {"country": "DE", "latency_ms": 1000.0},
    ),
    "helicone, streamed": ("a.jsonl", [HELICONE | {"response_body": {"streamed_data": SSE}}], 1, BOTH),
    "helicone, claude": (
        "a.jsonl",
        [
            HELICONE
            | {
                "request_body": CLAUDE,
                "response_body": CLAUDE_REPLY,
                "request_path": "https://api.anthropic.com/v1/messages",
            }
        ],
        1,
        BOTH,
    ),
    # Kong
    "kong, http-log": (
        "a.jsonl",
        [KONG],
        1,
        BOTH | COUNTS | ALICE | IP | {"latency_ms": 900.0, "model": "gpt-x"},
    ),
    "kong, streamed payload": (
        "a.jsonl",
        [
            KONG
            | {
                "ai": {
                    "proxy": KONG["ai"]["ai-proxy"]
                    | {"payload": {"request": json.dumps(BODY | {"stream": True}), "response": SSE}}
                }
            }
        ],
        1,
        BOTH | {"stream": True},
    ),
    "kong, file-log behind docker": (
        "a.log",
        lines({"log": json.dumps(KONG) + "\n", "stream": "stdout", "time": T}),
        1,
        BOTH | ALICE,
    ),
    "kong, tcp-log with no consumer": (
        "a.jsonl",
        [{k: v for k, v in KONG.items() if k != "consumer"}],
        1,
        {"account_id": "203.0.113.9"},
    ),
    # APISIX
    "apisix, kafka-logger of ai-proxy": (
        "a.jsonl",
        [
            {
                "route_id": "1",
                "client_ip": "203.0.113.9",
                "start_time": S * 1000,
                "latency": 900,
                "consumer": {"username": "alice"},
                "request": {"method": "POST", "uri": "/anything", "headers": {}},
                "response": {"status": 200},
                "llm_summary": {
                    "model": "gpt-x",
                    "duration": 900,
                    "prompt_tokens": 11,
                    "completion_tokens": 4,
                },
                "llm_request": BODY,
                "llm_response_text": {"content": "The Oder."},
            }
        ],
        1,
        BOTH | COUNTS | ALICE,
    ),
    "apisix, list of a batch": (
        "a.json",
        json.dumps(
            [
                {
                    "route_id": "1",
                    "client_ip": "203.0.113.9",
                    "start_time": S * 1000,
                    "latency": 900,
                    "consumer": {"username": "alice"},
                    "request": {
                        "method": "POST",
                        "uri": "/v1/chat/completions",
                        "headers": {"host": "h"},
                        "body": json.dumps(BODY),
                    },
                    "response": {"status": 200, "body": SSE},
                }
            ]
            * 2
        ),
        2,
        BOTH | ALICE,
    ),
    # Cloudflare
    "cloudflare, API": (
        "a.json",
        json.dumps(
            {
                "result": [
                    {
                        "id": "cf-1",
                        "created_at": "2026-05-04 09:00:00",
                        "provider": "openai",
                        "model": "gpt-x",
                        "model_type": "",
                        "path": "chat/completions",
                        "duration": 900,
                        "request_type": "",
                        "request_content_type": "application/json",
                        "status_code": 200,
                        "response_content_type": "application/json",
                        "success": True,
                        "cached": False,
                        "tokens_in": 11,
                        "tokens_out": 4,
                        "metadata": '{"user":"alice"}',
                        "step": 0,
                        "cost": 0.1,
                        "custom_cost": False,
                    }
                ],
                "result_info": {"count": 1, "page": 1, "per_page": 20, "total_count": 1},
                "success": True,
                "errors": [],
                "messages": [],
            }
        ),
        1,
        COUNTS | ALICE | {"model": "gpt-x"},
    ),
    "cloudflare, logpush": (
        "a.log.gz",
        lines(
            {
                "Cached": False,
                "Endpoint": "chat/completions",
                "Gateway": "gw",
                "Metadata": {"userId": "alice"},
                "Model": "gpt-x",
                "Provider": "openai",
                "RateLimited": False,
                "RequestBody": json.dumps(BODY),
                "RequestType": "",
                "ResponseBody": json.dumps(REPLY),
                "StatusCode": 200,
                "Timestamp": T,
                "Metrics": {"tokensIn": 11, "tokensOut": 4, "durationMs": 900},
            }
        ),
        1,
        BOTH | COUNTS | ALICE,
    ),
    # Portkey
    "portkey, log export": (
        "a.jsonl",
        [
            {
                "id": "p-1",
                "created_at": T,
                "trace_id": "t",
                "is_success": True,
                "ai_org": "openai",
                "ai_model": "gpt-x",
                "req_units": 11,
                "res_units": 4,
                "total_units": 15,
                "cost": 0.1,
                "response_time": 900,
                "request_url": "https://api.portkey.ai/v1/chat/completions",
                "response_status_code": 200,
                "request": BODY,
                "response": REPLY,
                "metadata": {"_user": "alice"},
            }
        ],
        1,
        BOTH | COUNTS | ALICE,
    ),
    "portkey, inserted log": (
        "a.jsonl",
        [
            {
                "request": {
                    "url": "https://api.openai.com/v1/chat/completions",
                    "provider": "openai",
                    "headers": {},
                    "method": "POST",
                    "body": BODY,
                },
                "response": {"status": 200, "headers": {}, "body": REPLY, "response_time": 900},
                "metadata": {"organization": "o", "user": "alice", "traceId": "t", "spanId": "p-1"},
                "created_at": T,
            }
        ],
        1,
        BOTH | COUNTS | ALICE,
    ),
    # Telemetry of SDKs
    "vercel ai sdk 4": (
        "a.jsonl",
        [
            resource(
                span(
                    {
                        "operation.name": "ai.streamText.doStream",
                        "ai.operationId": "ai.streamText.doStream",
                        "ai.model.id": "gpt-x",
                        "ai.model.provider": "openai.chat",
                        "ai.prompt.messages": json.dumps(
                            [{"role": "user", "content": [{"type": "text", "text": "Name a river."}]}]
                        ),
                        "ai.response.text": "The Oder.",
                        "ai.response.finishReason": "stop",
                        "ai.usage.promptTokens": 11,
                        "ai.usage.completionTokens": 4,
                        "gen_ai.request.model": "gpt-x",
                        "gen_ai.usage.input_tokens": 11,
                        "gen_ai.usage.output_tokens": 4,
                        "ai.telemetry.metadata.userId": "alice",
                        "ai.telemetry.metadata.sessionId": "s-1",
                    }
                ),
                span(
                    {
                        "operation.name": "ai.streamText",
                        "ai.operationId": "ai.streamText",
                        "ai.model.id": "gpt-x",
                        "ai.prompt": '{"prompt":"Name a river."}',
                        "ai.telemetry.metadata.userId": "alice",
                    },
                    spanId="ef" * 8,
                ),
            )
        ],
        1,
        TEXT | COUNTS | ALICE | {"conversation_id": "s-1"},
    ),
    "vercel ai sdk 5, input tokens": (
        "a.jsonl",
        [
            resource(
                span(
                    {
                        "ai.operationId": "ai.generateText.doGenerate",
                        "ai.model.id": "gpt-x",
                        "ai.prompt.messages": json.dumps(ASK),
                        "ai.response.text": "The Oder.",
                        "ai.usage.inputTokens": 11,
                        "ai.usage.outputTokens": 4,
                        "ai.telemetry.metadata.userId": "alice",
                    }
                )
            )
        ],
        1,
        BOTH | COUNTS | ALICE | {"model": "gpt-x"},
    ),
    "openllmetry, association properties": (
        "a.jsonl",
        [
            resource(
                span(
                    {
                        "gen_ai.system": "OpenAI",
                        "llm.request.type": "chat",
                        "gen_ai.request.model": "gpt-x",
                        "gen_ai.prompt.0.role": "user",
                        "gen_ai.prompt.0.content": "Name a river.",
                        "gen_ai.completion.0.role": "assistant",
                        "gen_ai.completion.0.content": "The Oder.",
                        "gen_ai.completion.0.finish_reason": "stop",
                        "gen_ai.usage.input_tokens": 11,
                        "gen_ai.usage.output_tokens": 4,
                        "traceloop.association.properties.user_id": "alice",
                    }
                )
            )
        ],
        1,
        TEXT | COUNTS | ALICE | {"finish_reason": "stop"},
    ),
    "openllmetry, current conventions": (
        "a.jsonl",
        [
            resource(
                span(
                    {
                        "gen_ai.provider.name": "openai",
                        "gen_ai.operation.name": "chat",
                        "gen_ai.request.model": "gpt-x",
                        "gen_ai.input.messages": json.dumps(
                            [{"role": "user", "parts": [{"type": "text", "content": "Name a river."}]}]
                        ),
                        "gen_ai.output.messages": json.dumps(
                            [
                                {
                                    "role": "assistant",
                                    "parts": [{"type": "text", "content": "The Oder."}],
                                    "finish_reason": "stop",
                                }
                            ]
                        ),
                        "gen_ai.usage.input_tokens": 11,
                        "gen_ai.usage.output_tokens": 4,
                        "enduser.id": "alice",
                    }
                )
            )
        ],
        1,
        TEXT | COUNTS | ALICE,
    ),
    "openinference, over otlp": (
        "a.jsonl",
        [
            resource(
                span(
                    {
                        "openinference.span.kind": "LLM",
                        "llm.model_name": "gpt-x",
                        "llm.input_messages.0.message.role": "user",
                        "llm.input_messages.0.message.contents.0.message_content.type": "text",
                        "llm.input_messages.0.message.contents.0.message_content.text": "Name a river.",
                        "llm.output_messages.0.message.role": "assistant",
                        "llm.output_messages.0.message.content": "The Oder.",
                        "llm.token_count.prompt": 11,
                        "llm.token_count.completion": 4,
                        "user.id": "alice",
                        "session.id": "s-1",
                    }
                )
            )
        ],
        1,
        TEXT | COUNTS | ALICE | {"conversation_id": "s-1"},
    ),
    "phoenix, spans of its REST API": (
        "a.json",
        json.dumps(
            {
                "data": [
                    {
                        "id": "U3Bhbjox",
                        "name": "ChatCompletion",
                        "context": {"trace_id": "ab" * 16, "span_id": "cd" * 8},
                        "span_kind": "LLM",
                        "parent_id": None,
                        "start_time": "2026-05-04T09:00:00+00:00",
                        "end_time": "2026-05-04T09:00:01+00:00",
                        "status_code": "OK",
                        "status_message": "",
                        "attributes": {
                            "llm.model_name": "gpt-x",
                            "llm.input_messages.0.message.role": "user",
                            "llm.input_messages.0.message.content": "Name a river.",
                            "llm.output_messages.0.message.role": "assistant",
                            "llm.output_messages.0.message.content": "The Oder.",
                            "user.id": "alice",
                        },
                        "events": [],
                    }
                ],
                "next_cursor": None,
            }
        ),
        1,
        TEXT | ALICE,
    ),
    "pydantic ai, logfire": (
        "a.jsonl",
        [
            resource(
                span(
                    {
                        "gen_ai.operation.name": "chat",
                        "gen_ai.system": "openai",
                        "gen_ai.request.model": "gpt-x",
                        "events": json.dumps(
                            [
                                {
                                    "content": "Be brief.",
                                    "role": "system",
                                    "event.name": "gen_ai.system.message",
                                },
                                {
                                    "content": "Name a river.",
                                    "role": "user",
                                    "event.name": "gen_ai.user.message",
                                },
                                {
                                    "index": 0,
                                    "message": {"role": "assistant", "content": "The Oder."},
                                    "event.name": "gen_ai.choice",
                                },
                            ]
                        ),
                        "gen_ai.usage.input_tokens": 11,
                        "gen_ai.usage.output_tokens": 4,
                        "user.id": "alice",
                    }
                )
            )
        ],
        1,
        BOTH | COUNTS | ALICE,
    ),
    "semantic kernel, azure monitor names": (
        "a.jsonl",
        [
            resource(
                span(
                    {
                        "gen_ai.operation.name": "chat.completions",
                        "gen_ai.system": "openai",
                        "gen_ai.request.model": "gpt-x",
                        "gen_ai.response.id": "chatcmpl-9",
                        "gen_ai.response.prompt_tokens": 11,
                        "gen_ai.response.completion_tokens": 4,
                        "enduser.id": "alice",
                    }
                )
            )
        ],
        1,
        COUNTS | ALICE | {"exchange_id": "chatcmpl-9"},
    ),
    "google adk": (
        "a.jsonl",
        [
            resource(
                span(
                    {
                        "gen_ai.operation.name": "generate_content",
                        "gen_ai.system": "gcp.vertex.agent",
                        "gen_ai.request.model": "gemini-x",
                        "gcp.vertex.agent.session_id": "s-1",
                        "gcp.vertex.agent.llm_request": json.dumps(
                            {
                                "model": "gemini-x",
                                "config": {"system_instruction": "Be brief."},
                                "contents": [{"role": "user", "parts": [{"text": "Name a river."}]}],
                            }
                        ),
                        "gcp.vertex.agent.llm_response": json.dumps(
                            {"content": {"role": "model", "parts": [{"text": "The Oder."}]}}
                        ),
                        "user.id": "alice",
                    }
                )
            )
        ],
        1,
        BOTH | ALICE | {"conversation_id": "s-1"},
    ),
    "otlp logs in snake case with a kvlist body": (
        "a.jsonl",
        [
            {
                "resource_logs": [
                    {
                        "scope_logs": [
                            {
                                "log_records": [
                                    {
                                        "time_unix_nano": str(S * 10**9),
                                        "event_name": "gen_ai.client.inference.operation.details",
                                        "trace_id": "",
                                        "span_id": "",
                                        "body": {
                                            "kvlistValue": {
                                                "values": attributes(
                                                    **{
                                                        "gen_ai.input.messages": json.dumps(
                                                            [
                                                                {
                                                                    "role": "user",
                                                                    "parts": [
                                                                        {
                                                                            "type": "text",
                                                                            "content": "Name a river.",
                                                                        }
                                                                    ],
                                                                }
                                                            ]
                                                        )
                                                    }
                                                )
                                            }
                                        },
                                        "attributes": attributes(
                                            **{
                                                "gen_ai.request.model": "gpt-x",
                                                "user.id": "alice",
                                                "gen_ai.operation.name": "chat",
                                            }
                                        ),
                                    }
                                ]
                            }
                        ]
                    }
                ]
            }
        ],
        1,
        {"prompt": "Name a river."} | ALICE,
    ),
    "console exporter of Python, pretty printed": (
        "a.log",
        json.dumps(
            {
                "name": "chat gpt-x",
                "context": {"trace_id": "0x1", "span_id": "0x2", "trace_state": "[]"},
                "kind": "SpanKind.CLIENT",
                "parent_id": None,
                "start_time": "2026-05-04T09:00:00.000000Z",
                "end_time": "2026-05-04T09:00:01.000000Z",
                "status": {"status_code": "UNSET"},
                "attributes": {
                    "gen_ai.system": "openai",
                    "gen_ai.request.model": "gpt-x",
                    "gen_ai.prompt.0.role": "user",
                    "gen_ai.prompt.0.content": "Name a river.",
                    "enduser.id": "alice",
                },
                "events": [],
                "links": [],
                "resource": {"attributes": {}, "schema_url": ""},
            },
            indent=4,
        )
        + "\n",
        1,
        {"prompt": "Name a river."} | ALICE,
    ),
    "clickhouse otel_traces": (
        "a.jsonl",
        [
            {
                "Timestamp": "2026-05-04 09:00:00.000000000",
                "TraceId": "ab" * 16,
                "SpanId": "cd" * 8,
                "ParentSpanId": "",
                "SpanName": "chat",
                "SpanKind": "Client",
                "ServiceName": "s",
                "ResourceAttributes": {},
                "SpanAttributes": {
                    "gen_ai.request.model": "gpt-x",
                    "gen_ai.prompt.0.role": "user",
                    "gen_ai.prompt.0.content": "Name a river.",
                    "user.id": "alice",
                },
                "Duration": 1000000000,
                "StatusCode": "Unset",
                "Events": [],
            }
        ],
        1,
        {"prompt": "Name a river.", "latency_ms": 1000.0} | ALICE,
    ),
    # LangSmith, MLflow
    "langsmith, bulk export of runs": ("a.jsonl", [LANGSMITH], 1, BOTH | COUNTS | ALICE),
    "langsmith, columns as JSON text": (
        "a.jsonl",
        [LANGSMITH | {name: json.dumps(LANGSMITH[name]) for name in ("extra", "inputs", "outputs")}],
        1,
        BOTH | ALICE,
    ),
    "langsmith, chains are steps": (
        "a.jsonl",
        [
            LANGSMITH,
            LANGSMITH | {"id": "run-2", "run_type": "chain"},
            LANGSMITH | {"id": "run-3", "run_type": "tool"},
        ],
        1,
        ALICE,
    ),
    "mlflow, trace as JSON": (
        "a.jsonl",
        [
            {
                "info": {
                    "trace_id": "tr-1",
                    "request_time": T,
                    "state": "OK",
                    "trace_metadata": {"mlflow.trace.user": "alice", "mlflow.trace.session": "s-1"},
                },
                "data": {
                    "spans": [
                        {
                            "trace_id": "x",
                            "span_id": "cd" * 8,
                            "parent_span_id": None,
                            "name": "Completions",
                            "start_time_unix_nano": S * 10**9,
                            "end_time_unix_nano": S * 10**9 + 10**9,
                            "attributes": {
                                "mlflow.spanType": '"CHAT_MODEL"',
                                "mlflow.spanInputs": json.dumps(BODY),
                                "mlflow.spanOutputs": json.dumps(REPLY),
                                "mlflow.chat.tokenUsage": '{"input_tokens": 11, "output_tokens": 4}',
                            },
                            "status": {"code": "STATUS_CODE_OK"},
                        }
                    ]
                },
            }
        ],
        1,
        BOTH | COUNTS | ALICE | {"conversation_id": "s-1"},
    ),
    # Bedrock
    "bedrock, converse": (
        "a.jsonl",
        [
            bedrock(
                operation="Converse",
                modelId="amazon.nova-pro-v1:0",
                input={
                    "inputContentType": "application/json",
                    "inputBodyJson": {
                        "messages": [wave("user", "Name a river.")],
                        "system": [{"text": "Be brief."}],
                        "inferenceConfig": {"maxTokens": 64, "temperature": 0.5},
                    },
                    "inputTokenCount": 11,
                },
                output={
                    "outputContentType": "application/json",
                    "outputBodyJson": {
                        "output": {"message": wave("assistant", "The Oder.")},
                        "stopReason": "end_turn",
                        "metrics": {"latencyMs": 900},
                        "usage": {"inputTokens": 11, "outputTokens": 4, "totalTokens": 15},
                    },
                    "outputTokenCount": 4,
                },
            )
        ],
        1,
        BOTH | COUNTS | BEDROCK | {"max_tokens": 64, "latency_ms": 900.0},
    ),
    "bedrock, converse stream": (
        "a.jsonl",
        [
            bedrock(
                operation="ConverseStream",
                modelId="amazon.nova-pro-v1:0",
                input={"inputBodyJson": {"messages": [wave("user", "Name a river.")]}, "inputTokenCount": 11},
                output={
                    "outputBodyJson": [
                        {"messageStart": {"role": "assistant"}},
                        {"contentBlockDelta": {"delta": {"text": "The "}, "contentBlockIndex": 0}},
                        {"contentBlockDelta": {"delta": {"text": "Oder."}, "contentBlockIndex": 0}},
                        {"messageStop": {"stopReason": "end_turn"}},
                        {
                            "metadata": {
                                "usage": {"inputTokens": 11, "outputTokens": 4},
                                "metrics": {"latencyMs": 900},
                            }
                        },
                    ],
                    "outputTokenCount": 4,
                },
            )
        ],
        1,
        TEXT | COUNTS | {"stream": True, "finish_reason": "end_turn"},
    ),
    "bedrock, cloudwatch export of a subscription": (
        "a.jsonl",
        [
            {
                "messageType": "DATA_MESSAGE",
                "owner": "1",
                "logGroup": "g",
                "logStream": "aws/bedrock/modelinvocations",
                "subscriptionFilters": ["f"],
                "logEvents": [
                    {
                        "id": "1",
                        "timestamp": S * 1000,
                        "message": json.dumps(
                            bedrock(
                                operation="InvokeModel",
                                modelId="meta.llama3-x",
                                input={
                                    "inputBodyJson": {"prompt": "Name a river.", "max_gen_len": 64},
                                    "inputTokenCount": 11,
                                },
                                output={
                                    "outputBodyJson": {
                                        "generation": "The Oder.",
                                        "prompt_token_count": 11,
                                        "generation_token_count": 4,
                                        "stop_reason": "stop",
                                    },
                                    "outputTokenCount": 4,
                                },
                            )
                        ),
                    }
                ],
            }
        ],
        1,
        TEXT | COUNTS | BEDROCK,
    ),
    "bedrock, a call that failed": (
        "a.jsonl",
        [
            bedrock(
                operation="InvokeModel",
                modelId="anthropic.claude-x",
                errorCode="ThrottlingException",
                input={"inputBodyJson": CLAUDE},
            )
        ],
        1,
        {"prompt": "Name a river.", "response": None} | BEDROCK,
    ),
    # Azure
    "apim, streamed answer": (
        "a.json",
        json.dumps(
            {
                "records": [
                    APIM
                    | {
                        "properties": {
                            "method": "POST",
                            "url": "https://gw.azure-api.net/openai/deployments/gpt-dep/chat/completions",
                            "backendUrl": URL,
                            "responseCode": 200,
                            "apimSubscriptionId": "alice",
                            "requestBody": json.dumps(BODY),
                            "responseBody": SSE,
                        }
                    }
                ]
            }
        ),
        1,
        BOTH | COUNTS | ALICE | IP | {"status": 200},
    ),
    "apim, no bodies": (
        "a.jsonl",
        [
            APIM
            | {
                "properties": {
                    "method": "POST",
                    "url": "https://gw.azure-api.net/openai/deployments/gpt-dep/chat/completions",
                    "backendUrl": URL,
                    "responseCode": 429,
                    "apimSubscriptionId": "alice",
                }
            }
        ],
        1,
        {"model": "gpt-dep", "prompt": None, "status": 429} | ALICE,
    ),
    "azure openai, request and response": (
        "a.json",
        json.dumps(
            {
                "records": [
                    {
                        "time": T,
                        "resourceId": "/SUBSCRIPTIONS/S/X",
                        "operationName": "ChatCompletions_Create",
                        "operationVersion": "2024-10-21",
                        "category": "RequestResponse",
                        "resultSignature": "200",
                        "durationMs": 900,
                        "callerIpAddress": "203.0.113.***",
                        "correlationId": "c-1",
                        "location": "westeurope",
                        "properties": json.dumps(
                            {
                                "apiName": "Azure OpenAI API",
                                "requestTime": 1,
                                "requestLength": 90,
                                "responseTime": 2,
                                "responseLength": 90,
                                "objectId": "alice",
                                "streamType": "Streaming",
                                "modelDeploymentName": "gpt-dep",
                                "modelName": "gpt-x",
                                "modelVersion": "0501",
                            }
                        ),
                    },
                    {
                        "time": T,
                        "category": "Audit",
                        "operationName": "ListKey",
                        "resourceId": "/SUBSCRIPTIONS/S/X",
                        "correlationId": "c-2",
                    },
                ]
            }
        ),
        1,
        {"model": "gpt-x", "stream": True, "client_ip": None} | ALICE,
    ),
    # Vertex
    "vertex, BigQuery rows as JSON": (
        "a.jsonl",
        [VERTEX | {"full_request": json.dumps(GEMINI), "full_response": json.dumps(GEMINI_REPLY)}],
        1,
        BOTH | COUNTS | ALICE | {"model": "gemini-x"},
    ),
    "vertex, claude behind raw predict": (
        "a.jsonl",
        [
            VERTEX
            | {
                "model": "claude-x",
                "api_method": "StreamRawPredict",
                "endpoint": "projects/7/locations/us/publishers/anthropic/models/claude-x",
                "request_payload": [json.dumps(CLAUDE | {"metadata": {"user_id": "alice"}})],
                "response_payload": [CLAUDE_SSE],
            }
        ],
        1,
        BOTH | COUNTS,
    ),
    "vertex, entry of cloud logging": (
        "a.jsonl",
        [
            {
                "insertId": "1",
                "logName": "projects/p/logs/x",
                "resource": {"type": "t", "labels": {}},
                "timestamp": T,
                "receiveTimestamp": T,
                "jsonPayload": VERTEX | {"full_request": GEMINI, "full_response": GEMINI_REPLY},
            }
        ],
        1,
        BOTH | COUNTS,
    ),
    # Servers
    "vllm, uvicorn lines between": (
        "a.log",
        "INFO 05-04 08:59:00 [api_server.py:1] vLLM API server version 0.9.1\nINFO:     Started server "
        "process [1]\n"
        + VLLM_CHAT
        + '\nINFO:     203.0.113.9:51034 - "POST /v1/chat/completions HTTP/1.1" 200 OK\nINFO 05-04 09:00:05 '
        "[loggers.py:1] Engine 000: Avg prompt throughput: 1.0 tokens/s\n",
        1,
        {"temperature": 0.5, "max_tokens": 64},
    ),
    "vllm, process prefix": ("a.log", "(APIServer pid=1) " + VLLM_CHAT + "\n", 1, {"temperature": 0.5}),
    "sglang, request dump": (
        "a.jsonl",
        [
            {
                "timestamp": T,
                "event": "request.finished",
                "rid": "s-1",
                "obj": {
                    "text": "Name a river.",
                    "sampling_params": {"temperature": 0.5, "max_new_tokens": 64},
                },
                "out": {
                    "text": "The Oder.",
                    "meta_info": {
                        "prompt_tokens": 11,
                        "completion_tokens": 4,
                        "finish_reason": {"type": "stop", "matched": 1},
                        "e2e_latency": 0.9,
                    },
                },
            }
        ],
        1,
        TEXT | COUNTS | {"latency_ms": 900.0},
    ),
    "ollama, behind nginx": (
        "access.log",
        lines(
            {
                "time_iso8601": "2026-05-04T09:00:00+00:00",
                "remote_addr": "203.0.113.9",
                "request_method": "POST",
                "request_uri": "/api/chat",
                "status": 200,
                "request_time": 0.9,
                "http_user_agent": "ollama-python/0.4",
                "request_body": json.dumps(
                    {"model": "llama3", "messages": ASK, "options": {"temperature": 0.5, "num_predict": 64}}
                ),
                "response_body": "".join(
                    json.dumps(one) + "\n"
                    for one in (
                        {
                            "model": "llama3",
                            "message": {"role": "assistant", "content": "The "},
                            "done": False,
                        },
                        {
                            "model": "llama3",
                            "message": {"role": "assistant", "content": "Oder."},
                            "done": False,
                        },
                        {
                            "model": "llama3",
                            "message": {"role": "assistant", "content": ""},
                            "done": True,
                            "done_reason": "stop",
                            "prompt_eval_count": 11,
                            "eval_count": 4,
                        },
                    )
                ),
            }
        ),
        1,
        BOTH | COUNTS | IP | {"model": "llama3", "max_tokens": 64},
    ),
    "tgi, behind nginx": (
        "access.log",
        lines(
            {
                "msec": S + 0.5,
                "remote_addr": "203.0.113.9",
                "request": "POST /generate HTTP/1.1",
                "status": "200",
                "request_time": "0.9",
                "request_body": json.dumps(
                    {"inputs": "Name a river.", "parameters": {"max_new_tokens": 64, "temperature": 0.5}}
                ),
                "response_body": json.dumps(
                    {
                        "generated_text": "The Oder.",
                        "details": {"finish_reason": "eos_token", "generated_tokens": 4, "prefill": []},
                    }
                ),
            }
        ),
        1,
        TEXT | IP | {"max_tokens": 64, "output_tokens": 4, "finish_reason": "eos_token"},
    ),
    # Batches
    "openai batch, input alone": (
        "batch_input.jsonl",
        [{"custom_id": "b-1", "method": "POST", "url": "/v1/chat/completions", "body": BODY}],
        1,
        {"prompt": "Name a river.", "model": "gpt-x", "exchange_id": "b-1"},
    ),
    "openai batch, output alone": (
        "batch_output.jsonl",
        [
            {
                "id": "batch_req_1",
                "custom_id": "b-1",
                "response": {"status_code": 200, "request_id": "r", "body": REPLY},
                "error": None,
            }
        ],
        1,
        {"response": "The Oder.", "status": 200, "exchange_id": "b-1"} | COUNTS,
    ),
    "openai batch, errors": (
        "batch_error.jsonl",
        [
            {
                "id": "batch_req_2",
                "custom_id": "b-2",
                "response": {
                    "status_code": 400,
                    "request_id": "r",
                    "body": {"error": {"message": "bad", "type": "invalid_request_error"}},
                },
                "error": None,
            },
            {
                "id": "batch_req_3",
                "custom_id": "b-3",
                "response": None,
                "error": {"code": "batch_expired", "message": "expired"},
            },
        ],
        2,
        {"response": None, "status": 400},
    ),
    "anthropic batch, results": (
        "results.jsonl",
        [
            {"custom_id": "b-1", "result": {"type": "succeeded", "message": CLAUDE_REPLY}},
            {"custom_id": "b-2", "result": {"type": "errored", "error": {"type": "invalid_request"}}},
            {"custom_id": "b-3", "result": {"type": "expired"}},
        ],
        3,
        {"response": "The Oder.", "status": 200} | COUNTS,
    ),
    "gemini batch": ("a.jsonl", [{"key": "b-1", "request": GEMINI, "response": GEMINI_REPLY}], 1, TEXT),
    # Gateways and proxies of other kinds
    "openrouter, activity export": (
        "activity.csv",
        "generation_id,created_at,cost_total,tokens_prompt,tokens_completion,model_permaslug,provider_name,generation_time_ms,finish_reason_normalized,user,app_name,api_key_name\ngen-1,2026-05-04 09:00:00.000,0.1,11,4,openai/gpt-x,OpenAI,900,stop,alice,App,key-1\n",
        1,
        COUNTS
        | ALICE
        | {"model": "openai/gpt-x", "exchange_id": "gen-1", "latency_ms": 900.0, "finish_reason": "stop"},
    ),
    "openrouter, generation endpoint": (
        "a.jsonl",
        [
            {
                "data": {
                    "id": "gen-1",
                    "created_at": T,
                    "model": "openai/gpt-x",
                    "streamed": True,
                    "generation_time": 900,
                    "tokens_prompt": 11,
                    "tokens_completion": 4,
                    "finish_reason": "stop",
                    "origin": "https://app.example",
                    "external_user": "alice",
                    "provider_name": "OpenAI",
                }
            }
        ],
        1,
        COUNTS | ALICE | {"stream": True},
    ),
    "envoy ai gateway": (
        "a.log",
        lines(
            {
                "start_time": "2026-05-04T09:00:00.000Z",
                "method": "POST",
                "x-envoy-origin-path": "/v1/chat/completions",
                "response_code": 200,
                "response_flags": "-",
                "duration": 900,
                "user-agent": "sdk/1",
                "x-forwarded-for": "198.51.100.1",
                "downstream_remote_address": "203.0.113.9:4000",
                "x-request-id": "e-1",
                "gen_ai.request.model": "gpt-x",
                "gen_ai.usage.input_tokens": 11,
                "gen_ai.usage.output_tokens": 4,
                "x-user-id": "alice",
            }
        ),
        1,
        COUNTS | ALICE | IP,
    ),
    "caddy access log": (
        "a.log",
        lines(
            {
                "level": "info",
                "ts": S + 0.5,
                "logger": "http.log.access",
                "msg": "handled request",
                "request": {
                    "remote_ip": "203.0.113.9",
                    "remote_port": "4000",
                    "client_ip": "203.0.113.9",
                    "proto": "HTTP/2.0",
                    "method": "POST",
                    "host": "llm.example",
                    "uri": "/v1/chat/completions",
                    "headers": {"User-Agent": ["sdk/1"]},
                },
                "bytes_read": 90,
                "user_id": "alice",
                "duration": 0.9,
                "size": 90,
                "status": 200,
            }
        ),
        1,
        ALICE | IP | {"user_agent": "sdk/1", "status": 200},
    ),
    "traefik access log": (
        "a.log",
        lines(
            {
                "ClientAddr": "203.0.113.9:4000",
                "ClientHost": "203.0.113.9",
                "ClientUsername": "alice",
                "DownstreamStatus": 200,
                "Duration": 900000000,
                "RequestMethod": "POST",
                "RequestPath": "/v1/chat/completions",
                "StartUTC": "2026-05-04T09:00:00.000000000Z",
                "request_User-Agent": "sdk/1",
                "level": "info",
                "msg": "",
                "time": T,
            }
        ),
        1,
        ALICE | IP | {"status": 200},
    ),
    "aws api gateway, rest": (
        "a.log",
        lines(
            {
                "requestId": "g-1",
                "ip": "203.0.113.9",
                "caller": "-",
                "user": "-",
                "requestTime": "04/May/2026:09:00:00 +0000",
                "httpMethod": "POST",
                "resourcePath": "/v1/chat/completions",
                "status": "200",
                "protocol": "HTTP/1.1",
                "responseLength": "90",
                "apiKeyId": "alice",
            }
        ),
        1,
        ALICE | IP,
    ),
    "own log of pairs": (
        "a.jsonl",
        [
            {
                "ts": T,
                "user": "alice",
                "request": BODY,
                "response": REPLY,
                "latency_ms": 900,
                "ip": "203.0.113.9",
            }
        ],
        1,
        BOTH | COUNTS | ALICE | IP,
    ),
    "own log of pairs, claude streamed": (
        "a.jsonl",
        [{"timestamp": T, "user_id": "alice", "request": CLAUDE | {"stream": True}, "response": CLAUDE_SSE}],
        1,
        BOTH | COUNTS | ALICE,
    ),
    "mitmproxy-like, bodies as text": (
        "a.jsonl",
        [
            {
                "timestamp": S + 0.5,
                "account_id": "alice",
                "request": json.dumps(BODY),
                "response": json.dumps(REPLY),
            }
        ],
        1,
        BOTH | COUNTS | ALICE,
    ),
}
