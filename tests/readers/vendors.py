"""Fixtures in the shapes that vendors publish: one exchange each, told in every format that can tell it."""

from json import dumps

PROMPT = "Prove that the sum of two odd numbers is even, step by step."
SYSTEM = "You are a patient tutor."
ANSWER = "Let the numbers be 2a+1 and 2b+1; their sum is 2(a+b+1)."
TURNS = [
    {"role": "user", "content": "Hello."},
    {"role": "assistant", "content": "Hello! What shall we prove?"},
    {"role": "user", "content": PROMPT},
]
CHAT = [{"role": "system", "content": SYSTEM}, *TURNS]
TOOLS = [{"type": "function", "function": {"name": "calculator", "parameters": {}}}]
OPENAI = {
    "model": "gpt-x",
    "messages": CHAT,
    "temperature": 0.2,
    "top_p": 0.9,
    "max_tokens": 512,
    "stream": False,
    "tools": TOOLS,
}
OPENAI_ANSWER = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1779962400, "model": "gpt-x",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": ANSWER}}],
    "usage": {"prompt_tokens": 40, "completion_tokens": 25, "total_tokens": 65},
}  # fmt: skip
ANTHROPIC = {
    "model": "claude-x",
    "system": [{"type": "text", "text": SYSTEM}],
    "max_tokens": 512,
    "temperature": 0.2,
    "top_p": 0.9,
    "stream": True,
    "tools": [{"name": "calculator", "input_schema": {}}],
    "messages": [
        {"role": "user", "content": "Hello."},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm"},
                {"type": "tool_use", "id": "t", "name": "calculator", "input": {}},
            ],
        },
        {"role": "user", "content": [{"type": "text", "text": PROMPT}]},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "u", "name": "calculator", "input": {}}],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "u", "content": "4"}]},
    ],
}
ANTHROPIC_ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [{"type": "text", "text": ANSWER}],
    "stop_reason": "refusal",
    "stop_details": {"category": "reasoning_extraction"},
    "usage": {
        "input_tokens": 10,
        "cache_read_input_tokens": 20,
        "cache_creation_input_tokens": 10,
        "output_tokens": 25,
    },
}
TIME = "2026-05-28T10:00:00Z"
SECONDS = 1779962400
NANOS = "1779962400000000000"
COMMON = {"system_prompt": SYSTEM, "prompt": PROMPT, "response": ANSWER}
SETTINGS = {"temperature": 0.2, "top_p": 0.9, "max_tokens": 512}
COUNTS = {"input_tokens": 40, "output_tokens": 25}


def attribute(key, value):
    kind = {str: "stringValue", bool: "boolValue", int: "intValue", float: "doubleValue"}
    if isinstance(value, list):
        return {"key": key, "value": {"arrayValue": {"values": [attribute("", v)["value"] for v in value]}}}
    return {"key": key, "value": {kind[type(value)]: str(value) if type(value) is int else value}}


def span(said, events=(), **more):
    return {
        "traceId": "0af7651916cd43dd8448eb211c80319c",
        "spanId": "b7ad6b7169203331",
        "name": "chat",
        "kind": 3,
        "startTimeUnixNano": NANOS,
        "endTimeUnixNano": str(int(NANOS) + 800_000_000),
        "attributes": [attribute(k, v) for k, v in said.items()],
        "events": list(events),
        **more,
    }


def spans(*several):
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": [attribute("service.name", "gw")]},
                "scopeSpans": [{"spans": list(several)}],
            }
        ]
    }


HTTP = span(
    {
        "http.request.method": "POST",
        "client.address": "203.0.113.9",
        "user_agent.original": "sdk/1",
        "enduser.id": "acct-1",
        "http.response.status_code": 200,
        "tls.client.ja4": "t13d",
    },
    spanId="00f067aa0ba902b7",
    name="POST /v1/chat",
)
LATEST = {
    "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.conversation.id": "conv-1",
    "gen_ai.request.model": "gpt-x", "gen_ai.request.temperature": 0.2, "gen_ai.request.top_p": 0.9,
    "gen_ai.request.max_tokens": 512, "gen_ai.response.id": "x-1", "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.usage.input_tokens": 40, "gen_ai.usage.output_tokens": 25,
}  # fmt: skip
PARTS = (
    '[{"role":"user","parts":[{"type":"text","content":"Hello."}]},'
    '{"role":"user","parts":[{"type":"text","content":"' + PROMPT + '"}]}]'
)
CONTENT = {
    "gen_ai.system_instructions": '[{"type":"text","content":"' + SYSTEM + '"}]',
    "gen_ai.input.messages": PARTS,
    "gen_ai.output.messages": '[{"role":"assistant","parts":[{"type":"text","content":"'
    + ANSWER
    + '"}],"finish_reason":"stop"}]',
    "gen_ai.tool.definitions": '[{"type":"function","name":"calculator"}]',
}
FULL_OTLP = {
    "exchange_id": "x-1",
    "account_id": "acct-1",
    "conversation_id": "conv-1",
    "model": "gpt-x",
    "client_ip": "203.0.113.9",
    "user_agent": "sdk/1",
    "tls_fingerprint": "t13d",
    "finish_reason": "stop",
    "status": 200,
    "latency_ms": 800.0,
    **COMMON,
    **SETTINGS,
    **COUNTS,
}
OLD = {
    "gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.request.model": "gpt-x",
    "gen_ai.response.id": "x-2", "gen_ai.usage.prompt_tokens": 40, "gen_ai.usage.completion_tokens": 25,
}  # fmt: skip
OLD_EVENTS = [
    {"name": "gen_ai.system.message", "attributes": [attribute("content", SYSTEM)]},
    {"name": "gen_ai.user.message", "attributes": [attribute("content", PROMPT)]},
    {
        "name": "gen_ai.choice",
        "attributes": [
            attribute("message", '{"role":"assistant","content":"' + ANSWER + '"}'),
            attribute("finish_reason", "stop"),
        ],
    },
]
TRACELOOP = {
    "llm.request.type": "chat",
    "gen_ai.request.model": "gpt-x",
    "gen_ai.prompt.0.role": "system",
    "gen_ai.prompt.0.content": SYSTEM,
    "gen_ai.prompt.1.role": "user",
    "gen_ai.prompt.1.content": PROMPT,
    "gen_ai.completion.0.role": "assistant",
    "gen_ai.completion.0.content": ANSWER,
    "gen_ai.usage.prompt_tokens": 40,
    "gen_ai.usage.completion_tokens": 25,
    "gen_ai.user": "acct-1",
    "traceloop.association.properties.session_id": "conv-1",
}
OPENINFERENCE = {
    "openinference.span.kind": "LLM",
    "llm.model_name": "gpt-x",
    "llm.invocation_parameters": '{"temperature":0.2,"top_p":0.9,"max_tokens":512}',
    "llm.input_messages.0.message.role": "system",
    "llm.input_messages.0.message.content": SYSTEM,
    "llm.input_messages.1.message.role": "user",
    "llm.input_messages.1.message.content": PROMPT,
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.content": ANSWER,
    "llm.token_count.prompt": 40,
    "llm.token_count.completion": 25,
    "session.id": "conv-1",
    "user.id": "acct-1",
}

# name → (format, records, what must come out)
FIXTURES = {
    "otlp latest, joined with its HTTP span": (
        "otlp",
        [spans(span(LATEST | CONTENT), HTTP)],
        FULL_OTLP | {"tool_names": ["calculator"]},
    ),
    "otlp, HTTP span first and in a line of its own": (
        "otlp",
        [spans(HTTP), spans(span(LATEST | CONTENT))],
        FULL_OTLP,
    ),
    "otlp 1.36 with events": (
        "otlp",
        [spans(span(OLD | {"user.id": "acct-1"}, OLD_EVENTS))],
        COMMON | COUNTS | {"account_id": "acct-1", "finish_reason": "stop"},
    ),
    "otlp of Traceloop": (
        "otlp",
        [spans(span(TRACELOOP))],
        COMMON | COUNTS | {"conversation_id": "conv-1", "account_id": "acct-1"},
    ),
    "otlp of OpenInference": (
        "otlp",
        [spans(span(OPENINFERENCE))],
        COMMON | COUNTS | SETTINGS | {"account_id": "acct-1"},
    ),
    "otlp log record": (
        "otlp",
        [
            {
                "resourceLogs": [
                    {
                        "scopeLogs": [
                            {
                                "logRecords": [
                                    {
                                        "timeUnixNano": NANOS,
                                        "eventName": "gen_ai.client.inference.operation.details",
                                        "traceId": "",
                                        "spanId": "s1",
                                        "attributes": [
                                            attribute(k, v)
                                            for k, v in (LATEST | CONTENT | {"user.id": "acct-1"}).items()
                                        ],
                                    }
                                ]
                            }
                        ]
                    }
                ]
            }
        ],
        COMMON | COUNTS | SETTINGS,
    ),
    "litellm payload": (
        "litellm_payload",
        [
            {
                "id": "chatcmpl-1",
                "trace_id": "t",
                "session_id": "conv-1",
                "call_type": "acompletion",
                "stream": False,
                "status": "success",
                "prompt_tokens": 40,
                "completion_tokens": 25,
                "startTime": SECONDS + 0.25,
                "endTime": SECONDS + 1.0,
                "response_time": 0.8,
                "model": "openai/gpt-x",
                "model_group": "gpt-x",
                "metadata": {
                    "user_api_key_hash": "88dc28",
                    "user_api_key_user_id": "acct-1",
                    "user_api_key_team_id": "team",
                    "user_api_key_org_id": "org",
                    "requester_custom_headers": {"x-ja4": "t13d"},
                },
                "requester_ip_address": "203.0.113.9",
                "user_agent": "sdk/1",
                "messages": CHAT,
                "response": OPENAI_ANSWER,
                "model_parameters": {"temperature": 0.2, "top_p": 0.9, "max_tokens": 512, "tools": TOOLS},
                "hidden_params": {},
                "brand_new_field": 1,
            }
        ],
        COMMON
        | SETTINGS
        | COUNTS
        | {
            "account_id": "acct-1",
            "organization_id": "org",
            "api_key_id": "88dc28",
            "conversation_id": "conv-1",
            "model": "gpt-x",
            "client_ip": "203.0.113.9",
            "user_agent": "sdk/1",
            "tls_fingerprint": "t13d",
            "tool_names": ["calculator"],
            "finish_reason": "stop",
            "latency_ms": 800.0,
            "status": 200,
        },
    ),
    "litellm spend logs": (
        "litellm_spend_logs",
        [
            {
                "request_id": "x-1",
                "call_type": "acompletion",
                "api_key": "88dc28",
                "spend": 0.01,
                "prompt_tokens": 40,
                "completion_tokens": 25,
                "startTime": "2026-05-28 10:00:00.250000",
                "endTime": "2026-05-28 10:00:01.050000",
                "model": "gpt-x",
                "user": "acct-1",
                "team_id": "org",
                "metadata": '{"user_agent": "sdk/1"}',
                "session_id": "conv-1",
                "requester_ip_address": "203.0.113.9",
                "messages": CHAT,
                "response": OPENAI_ANSWER,
                "status": "success",
                "proxy_server_request": {k: v for k, v in OPENAI.items() if k != "messages"},
            }
        ],
        COMMON
        | SETTINGS
        | COUNTS
        | {"account_id": "acct-1", "latency_ms": 800.0, "tool_names": ["calculator"], "user_agent": "sdk/1"},
    ),
    "anthropic pair": (
        "native",
        [
            {
                "request_id": "x-1",
                "timestamp": TIME,
                "account_id": "acct-1",
                "workspace_id": "org",
                "client_ip": "203.0.113.9",
                "headers": {"User-Agent": "sdk/1", "x-ja4": "t13d"},
                "request": ANTHROPIC,
                "response": ANTHROPIC_ANSWER,
                "latency_ms": 800,
                "status_code": 200,
            }
        ],
        COMMON
        | SETTINGS
        | COUNTS
        | {
            "account_id": "acct-1",
            "organization_id": "org",
            "finish_reason": "refusal:reasoning_extraction",
            "stream": True,
            "tool_names": ["calculator"],
            "user_agent": "sdk/1",
            "tls_fingerprint": "t13d",
            "status": 200,
        },
    ),
    "anthropic pair, streamed": (
        "native",
        [
            {
                "request_id": "x-1",
                "timestamp": TIME,
                "account_id": "acct-1",
                "request": ANTHROPIC,
                "response": [
                    {
                        "type": "message_start",
                        "message": {
                            "id": "m",
                            "usage": {"input_tokens": 40, "output_tokens": 1},
                            "content": [],
                        },
                    },
                    {"type": "content_block_delta", "delta": {"type": "text_delta", "text": ANSWER[:10]}},
                    {"type": "content_block_delta", "delta": {"type": "text_delta", "text": ANSWER[10:]}},
                    {
                        "type": "message_delta",
                        "delta": {"stop_reason": "end_turn"},
                        "usage": {"output_tokens": 25},
                    },
                ],
            }
        ],
        COMMON | COUNTS | {"finish_reason": "end_turn"},
    ),
    "openai chat pair": (
        "native",
        [
            {
                "id": "x-1",
                "created_at": SECONDS,
                "user_id": "acct-1",
                "request": OPENAI,
                "response": OPENAI_ANSWER,
                "ip": "203.0.113.9:4711",
            }
        ],
        COMMON
        | SETTINGS
        | COUNTS
        | {"client_ip": "203.0.113.9", "finish_reason": "stop", "operation": "chat"},
    ),
    "openai responses pair": (
        "native",
        [
            {
                "timestamp": TIME,
                "account_id": "acct-1",
                "request": {
                    "model": "gpt-x",
                    "instructions": SYSTEM,
                    "input": [{"role": "user", "content": [{"type": "input_text", "text": PROMPT}]}],
                    "max_output_tokens": 512,
                    "previous_response_id": "resp_0",
                },
                "response": {
                    "id": "resp_1",
                    "object": "response",
                    "status": "completed",
                    "output": [
                        {"type": "reasoning", "summary": []},
                        {
                            "type": "message",
                            "role": "assistant",
                            "content": [{"type": "output_text", "text": ANSWER}],
                        },
                    ],
                    "usage": {"input_tokens": 40, "output_tokens": 25},
                },
            }
        ],
        COMMON
        | COUNTS
        | {"exchange_id": "resp_1", "conversation_id": "resp_0", "max_tokens": 512, "operation": "responses"},
    ),
    "openai batch": (
        "native",
        [
            {
                "custom_id": "x-1",
                "account_id": "acct-1",
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": OPENAI,
                "response": {"status_code": 200, "request_id": "r", "body": OPENAI_ANSWER},
                "error": None,
            }
        ],
        COMMON | COUNTS | {"status": 200, "account_id": "acct-1"},
    ),
    "bedrock": (
        "bedrock",
        [
            {
                "schemaType": "ModelInvocationLog",
                "schemaVersion": "1.0",
                "timestamp": TIME,
                "accountId": "123456789012",
                "identity": {"arn": "arn:aws:iam::123456789012:user/a"},
                "region": "us-east-1",
                "requestId": "x-1",
                "operation": "InvokeModelWithResponseStream",
                "modelId": "anthropic.claude-x",
                "input": {
                    "inputContentType": "application/json",
                    "inputBodyJson": ANTHROPIC | {"anthropic_version": "bedrock-2023-05-31"},
                    "inputTokenCount": 10,
                    "cacheReadInputTokenCount": 30,
                },
                "output": {
                    "outputBodyJson": [
                        {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 10}}},
                        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": ANSWER}},
                        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
                    ],
                    "outputTokenCount": 25,
                },
            }
        ],
        COMMON
        | SETTINGS
        | COUNTS
        | {
            "account_id": "arn:aws:iam::123456789012:user/a",
            "organization_id": "123456789012",
            "stream": True,
            "finish_reason": "end_turn",
            "model": "anthropic.claude-x",
        },
    ),
    "bedrock converse": (
        "bedrock",
        [
            {
                "schemaType": "ModelInvocationLog",
                "schemaVersion": "1.0",
                "timestamp": TIME,
                "accountId": "123456789012",
                "requestId": "x-1",
                "operation": "Converse",
                "modelId": "amazon.nova",
                "input": {
                    "inputBodyJson": {
                        "system": [{"text": SYSTEM}],
                        "messages": [{"role": "user", "content": [{"text": PROMPT}]}],
                        "inferenceConfig": {"temperature": 0.2, "topP": 0.9, "maxTokens": 512},
                        "toolConfig": {"tools": [{"toolSpec": {"name": "calculator"}}]},
                    },
                    "inputTokenCount": 40,
                },
                "output": {
                    "outputBodyJson": {
                        "output": {"message": {"role": "assistant", "content": [{"text": ANSWER}]}},
                        "stopReason": "end_turn",
                        "metrics": {"latencyMs": 800},
                    },
                    "outputTokenCount": 25,
                },
            }
        ],
        COMMON
        | SETTINGS
        | COUNTS
        | {"tool_names": ["calculator"], "latency_ms": 800.0, "account_id": "123456789012"},
    ),
    "azure diagnostic": (
        "azure_openai",
        [
            {
                "time": TIME,
                "category": "RequestResponse",
                "callerIpAddress": "81.2.69.***",
                "correlationId": "x-1",
                "durationMs": -3,
                "operationName": "ChatCompletions_Create",
                "resourceId": "/SUBSCRIPTIONS/S/X",
                "resultSignature": "200",
                "properties": '{"objectId":"acct-1","streamType":"Non-Streaming","modelDeploymentName":"d","modelName":"gpt-x"}',
            }
        ],
        {
            "account_id": "acct-1",
            "client_ip": None,
            "latency_ms": None,
            "stream": False,
            "status": 200,
            "model": "gpt-x",
            "prompt": None,
        },
    ),
    "azure API management": (
        "azure_openai",
        [
            {
                "records": [
                    {
                        "time": TIME,
                        "category": "GatewayLogs",
                        "callerIpAddress": "203.0.113.9",
                        "correlationId": "x-1",
                        "durationMs": 800,
                        "operationName": "Microsoft.ApiManagement/GatewayLogs",
                        "resourceId": "/SUBSCRIPTIONS/S/X",
                        "properties": {
                            "responseCode": 200,
                            "userId": "acct-1",
                            "requestBody": dumps(OPENAI),
                            "responseBody": dumps(OPENAI_ANSWER),
                        },
                    }
                ]
            }
        ],
        COMMON | SETTINGS | COUNTS | {"account_id": "acct-1", "client_ip": "203.0.113.9", "status": 200},
    ),
    "vertex": (
        "vertex",
        [
            {
                "logging_time": "2026-05-28 10:00:00.000000 UTC",
                "request_id": "x-1",
                "api_method": "StreamGenerateContent",
                "model": "gemini-x",
                "endpoint": "projects/p1/locations/us/publishers/google/models/gemini-x",
                "metadata": {"request_latency": 800},
                "full_request": {
                    "contents": [{"role": "user", "parts": [{"text": PROMPT}]}],
                    "labels": {"user_id": "acct-1"},
                    "system_instruction": {"parts": [{"text": SYSTEM}]},
                    "tools": [{"function_declarations": [{"name": "calculator"}]}],
                    "generation_config": {"temperature": 0.2, "top_p": 0.9, "max_output_tokens": 512},
                },
                "full_response": {
                    "candidates": [
                        {"content": {"role": "model", "parts": [{"text": ANSWER}]}, "finish_reason": "STOP"}
                    ],
                    "usage_metadata": {
                        "prompt_token_count": 40,
                        "candidates_token_count": 20,
                        "thoughts_token_count": 5,
                    },
                },
            }
        ],
        COMMON
        | SETTINGS
        | COUNTS
        | {"account_id": "acct-1", "organization_id": "p1", "tool_names": ["calculator"], "stream": True},
    ),
    "langfuse export": (
        "langfuse",
        [
            {
                "id": "x-1",
                "trace_id": "t",
                "project_id": "p1",
                "type": "GENERATION",
                "start_time": "2026-05-28 10:00:00.000000",
                "end_time": "2026-05-28 10:00:00.800000",
                "provided_model_name": "gpt-x",
                "input": CHAT,
                "output": {"role": "assistant", "content": ANSWER},
                "model_parameters": '{"temperature":0.2,"top_p":"0.9","max_tokens":512}',
                "usage_details": {"input": 40, "output": 25, "total": 65},
                "latency": 0.8,
                "user_id": "acct-1",
                "session_id": "conv-1",
                "tool_definitions": {"calculator": "{}"},
                "level": "DEFAULT",
            },
            {
                "id": "y",
                "trace_id": "t",
                "type": "SPAN",
                "start_time": "2026-05-28 10:00:00.000000",
                "provided_model_name": None,
            },
        ],
        COMMON
        | SETTINGS
        | COUNTS
        | {
            "account_id": "acct-1",
            "conversation_id": "conv-1",
            "latency_ms": 800.0,
            "tool_names": ["calculator"],
        },
    ),
    "helicone": (
        "helicone",
        [
            {
                "request_id": "x-1",
                "request_created_at": TIME,
                "request_body": ANTHROPIC,
                "response_body": ANTHROPIC_ANSWER,
                "request_path": "/v1/messages",
                "request_user_id": "acct-1",
                "request_properties": {"Helicone-Session-Id": "conv-1"},
                "request_model": "claude-x",
                "response_status": 200,
                "delay_ms": 800,
                "prompt_tokens": 20,
                "completion_tokens": 25,
                "prompt_cache_read_tokens": 20,
                "provider": "ANTHROPIC",
                "country_code": "DE",
                "organization_id": "org",
                "proxy_key_id": "k",
            }
        ],
        COMMON
        | SETTINGS
        | COUNTS
        | {"account_id": "acct-1", "country": "DE", "conversation_id": "conv-1", "status": 200},
    ),
    "envoy": (
        "envoy_ai_gateway",
        [
            {
                "start_time": TIME,
                "method": "POST",
                "x-envoy-origin-path": "/v1/chat/completions",
                "response_code": 200,
                "response_flags": "-",
                "duration": 800,
                "user-agent": "sdk/1",
                "x-forwarded-for": "1.2.3.4",
                "downstream_remote_address": "203.0.113.9:4711",
                "x-request-id": "x-1",
                "gen_ai.request.model": "gpt-x",
                "gen_ai.usage.input_tokens": 40,
                "gen_ai.usage.output_tokens": "25",
                "x-user-id": "acct-1",
                "session.id": "conv-1",
                "tls_ja4_fingerprint": "t13d",
            }
        ],
        COUNTS
        | {
            "account_id": "acct-1",
            "client_ip": "203.0.113.9",
            "tls_fingerprint": "t13d",
            "latency_ms": 800.0,
            "status": 200,
            "prompt": None,
        },
    ),
    "nginx": (
        "nginx_json",
        [
            {
                "request_id": "x-1",
                "msec": "1779962400.250",
                "remote_addr": "203.0.113.9",
                "request_uri": "/v1/chat/completions",
                "status": "200",
                "request_time": "0.800",
                "http_user_agent": "sdk/1",
                "http_x_user_id": "acct-1",
                "http_x_ja4": "t13d",
                "request_body": dumps(OPENAI),
            }
        ],
        {
            "system_prompt": SYSTEM,
            "prompt": PROMPT,
            "response": None,
            "account_id": "acct-1",
            "status": 200,
            "latency_ms": 800.0,
            "tls_fingerprint": "t13d",
            **SETTINGS,
        },
    ),
    "sglang": (
        "sglang",
        [
            {"timestamp": TIME, "event": "request.received", "rid": "x-1", "obj": {"text": PROMPT}},
            {
                "timestamp": TIME,
                "event": "request.finished",
                "rid": "x-1",
                "obj": {
                    "text": PROMPT,
                    "sampling_params": {"temperature": 0.2, "top_p": 0.9, "max_new_tokens": 512},
                },
                "out": {
                    "text": ANSWER,
                    "meta_info": {
                        "e2e_latency": 0.8,
                        "prompt_tokens": 40,
                        "completion_tokens": 25,
                        "finish_reason": {"type": "stop"},
                    },
                },
            },
        ],
        {
            "prompt": PROMPT,
            "response": ANSWER,
            "latency_ms": 800.0,
            "finish_reason": "stop",
            **SETTINGS,
            **COUNTS,
        },
    ),
    "kong": (
        "kong",
        [
            {
                "client_ip": "203.0.113.9",
                "started_at": SECONDS * 1000,
                "latencies": {"request": 800, "kong": 10, "proxy": 790},
                "request": {
                    "id": "x-1",
                    "method": "POST",
                    "uri": "/v1/chat/completions",
                    "headers": {"user-agent": "sdk/1", "x-ja4": "t13d"},
                },
                "response": {"status": 200, "headers": {}},
                "consumer": {"id": "c", "username": "acct-1"},
                "workspace_name": "org",
                "ai": {
                    "proxy": {
                        "meta": {"request_model": "gpt-x", "response_model": "gpt-x-1"},
                        "usage": {"prompt_tokens": 40, "completion_tokens": 25},
                        "payload": {"request": dumps(OPENAI), "response": dumps(OPENAI_ANSWER)},
                    }
                },
            }
        ],
        COMMON
        | SETTINGS
        | COUNTS
        | {
            "account_id": "acct-1",
            "model": "gpt-x",
            "client_ip": "203.0.113.9",
            "latency_ms": 800.0,
            "tls_fingerprint": "t13d",
            "tool_names": ["calculator"],
            "finish_reason": "stop",
        },
    ),
    "kong 3.6, without bodies": (
        "kong",
        [
            {
                "client_ip": "203.0.113.9",
                "started_at": SECONDS * 1000,
                "latencies": {"request": 800},
                "request": {"method": "POST", "uri": "/chat", "headers": {"x-kong-request-id": "x-1"}},
                "response": {"status": 200},
                "authenticated_entity": {"id": "acct-1"},
                "ai": {
                    "ai-proxy": {
                        "instances": [
                            {
                                "meta": {"request_model": "gpt-x"},
                                "usage": {"prompt_token": 40, "completion_token": 25},
                            }
                        ]
                    }
                },
            }
        ],
        COUNTS | {"account_id": "acct-1", "model": "gpt-x", "prompt": None},
    ),
    "apisix": (
        "apisix",
        [
            {
                "client_ip": "203.0.113.9",
                "start_time": SECONDS * 1000,
                "latency": 800.0,
                "route_id": "r",
                "consumer": {"username": "acct-1"},
                "request": {
                    "method": "POST",
                    "uri": "/v1/chat/completions",
                    "headers": {"user-agent": "sdk/1", "x-request-id": "x-1"},
                    "body": dumps(OPENAI),
                },
                "response": {"status": 200, "headers": {}, "body": dumps(OPENAI_ANSWER)},
                "ai_token_usage": {"prompt_tokens": 40, "completion_tokens": 25},
            }
        ],
        COMMON
        | SETTINGS
        | COUNTS
        | {
            "account_id": "acct-1",
            "model": "gpt-x",
            "client_ip": "203.0.113.9",
            "user_agent": "sdk/1",
            "latency_ms": 800.0,
            "exchange_id": "x-1",
        },
    ),
    "apisix, of ai-proxy": (
        "apisix",
        [
            {
                "client_ip": "203.0.113.9",
                "start_time": SECONDS * 1000,
                "latency": 800,
                "route_id": "r",
                "request": {
                    "method": "POST",
                    "uri": "/anything",
                    "headers": {"x-request-id": "x-1", "x-user-id": "acct-1"},
                },
                "response": {"status": 200},
                "llm_request": OPENAI,
                "llm_response_text": {"content": ANSWER},
                "llm_summary": {"model": "gpt-x", "prompt_tokens": 40, "completion_tokens": 25},
            }
        ],
        COMMON | SETTINGS | COUNTS | {"account_id": "acct-1"},
    ),
    "cloudflare": (
        "cloudflare_ai_gateway",
        [
            {
                "id": "x-1",
                "created_at": TIME,
                "provider": "openai",
                "model": "gpt-x",
                "path": "chat/completions",
                "duration": 800,
                "success": True,
                "status_code": 200,
                "cached": False,
                "tokens_in": 40,
                "tokens_out": 25,
                "metadata": '{"user_id": "acct-1", "session_id": "conv-1"}',
                "request": OPENAI,
                "response": OPENAI_ANSWER,
            }
        ],
        COMMON
        | SETTINGS
        | COUNTS
        | {"account_id": "acct-1", "conversation_id": "conv-1", "latency_ms": 800.0, "status": 200},
    ),
    "cloudflare logpush": (
        "cloudflare_ai_gateway",
        [
            {
                "Gateway": "gw",
                "Provider": "openai",
                "Model": "gpt-x-1",
                "RequestedModel": "gpt-x",
                "Endpoint": "chat/completions",
                "StatusCode": 200,
                "Timestamp": SECONDS * 10**9,
                "Metadata": {"user": "acct-1"},
                "Metrics": {"durationMs": 800},
                "RayID": "x-1",
                "RequestBody": {"type": "encrypted", "data": "AAAA"},
                "ResponseBody": {"type": "encrypted", "data": "AAAA"},
            }
        ],
        {"account_id": "acct-1", "model": "gpt-x", "prompt": None, "response": None, "latency_ms": 800.0},
    ),
    "portkey": (
        "portkey",
        [
            {
                "id": "x-1",
                "created_at": TIME,
                "trace_id": "conv-1",
                "metadata": {"_user": "acct-1"},
                "metrics": {"tokens": 65},
                "request": {
                    "url": "https://api.example/v1/chat/completions",
                    "method": "POST",
                    "headers": {"user-agent": "sdk/1"},
                    "body": OPENAI,
                },
                "response": {"status": 200, "headers": {}, "body": OPENAI_ANSWER, "response_time": 800},
            }
        ],
        COMMON
        | SETTINGS
        | COUNTS
        | {"account_id": "acct-1", "user_agent": "sdk/1", "latency_ms": 800.0, "status": 200},
    ),
    "portkey export": (
        "portkey",
        [
            {
                "id": "x-1",
                "created_at": TIME,
                "ai_org": "openai",
                "ai_model": "gpt-x",
                "req_units": 40,
                "res_units": 25,
                "request": dumps(OPENAI),
                "response": dumps(OPENAI_ANSWER),
                "metadata": [{"key": "_user", "value": "acct-1"}],
                "response_status_code": 200,
                "response_time": 800,
            }
        ],
        COMMON | SETTINGS | COUNTS | {"account_id": "acct-1", "status": 200},
    ),
    "openrouter": (
        "openrouter",
        [
            {
                "generation_id": "x-1",
                "created_at": "2026-05-28 10:00:00.000",
                "cost_total": 0.1,
                "tokens_prompt": 40,
                "tokens_completion": 25,
                "model_permaslug": "openai/gpt-x",
                "provider_name": "OpenAI",
                "streamed": False,
                "user": "acct-1",
                "finish_reason_normalized": "stop",
                "generation_time_ms": 800,
                "app_name": "app",
                "api_key_name": "key-1",
            }
        ],
        COUNTS
        | {
            "account_id": "acct-1",
            "api_key_id": "key-1",
            "model": "openai/gpt-x",
            "finish_reason": "stop",
            "latency_ms": 800.0,
            "prompt": None,
        },
    ),
    "caddy": (
        "caddy",
        [
            {
                "level": "info",
                "ts": SECONDS,
                "logger": "http.log.access",
                "msg": "handled request",
                "request": {
                    "remote_ip": "203.0.113.9",
                    "remote_port": "4711",
                    "client_ip": "203.0.113.9",
                    "method": "POST",
                    "uri": "/v1/chat/completions",
                    "headers": {"User-Agent": ["sdk/1"], "X-Request-Id": ["x-1"]},
                },
                "user_id": "acct-1",
                "duration": 0.8,
                "status": 200,
                "request_body": dumps(OPENAI),
                "response_body": dumps(OPENAI_ANSWER),
            }
        ],
        COMMON
        | SETTINGS
        | COUNTS
        | {
            "account_id": "acct-1",
            "client_ip": "203.0.113.9",
            "user_agent": "sdk/1",
            "exchange_id": "x-1",
            "latency_ms": 800.0,
        },
    ),
    "traefik": (
        "traefik",
        [
            {
                "ClientAddr": "203.0.113.9:4711",
                "ClientHost": "203.0.113.9",
                "ClientUsername": "acct-1",
                "DownstreamStatus": 200,
                "Duration": 800_000_000,
                "RequestMethod": "POST",
                "RequestPath": "/v1/chat/completions",
                "StartUTC": "2026-05-28T10:00:00.000000000Z",
                "request_User-Agent": "sdk/1",
                "request_X-Request-Id": "x-1",
            }
        ],
        {
            "account_id": "acct-1",
            "client_ip": "203.0.113.9",
            "user_agent": "sdk/1",
            "exchange_id": "x-1",
            "latency_ms": 800.0,
            "status": 200,
            "prompt": None,
        },
    ),
    "aws api gateway": (
        "aws_api_gateway",
        [
            {
                "requestId": "x-1",
                "ip": "203.0.113.9",
                "caller": "-",
                "user": "-",
                "requestTime": "-",
                "requestTimeEpoch": SECONDS * 1000,
                "httpMethod": "POST",
                "resourcePath": "/v1/chat/completions",
                "status": "200",
                "protocol": "HTTP/1.1",
                "responseLatency": "800",
                "userAgent": "sdk/1",
                "authorizer": {"principalId": "acct-1"},
                "apiKeyId": "key-1",
                "requestBody": dumps(OPENAI),
                "responseBody": dumps(OPENAI_ANSWER),
            }
        ],
        COMMON
        | SETTINGS
        | COUNTS
        | {"account_id": "acct-1", "api_key_id": "key-1", "client_ip": "203.0.113.9", "latency_ms": 800.0},
    ),
    "langsmith": (
        "langsmith",
        [
            {
                "id": "x-1",
                "name": "ChatOpenAI",
                "run_type": "llm",
                "start_time": "2026-05-28T10:00:00.000000",
                "end_time": "2026-05-28T10:00:00.800000",
                "inputs": {
                    "messages": [
                        [
                            {
                                "lc": 1,
                                "type": "constructor",
                                "id": ["langchain", "schema", "messages", "SystemMessage"],
                                "kwargs": {"content": SYSTEM},
                            },
                            {
                                "lc": 1,
                                "type": "constructor",
                                "id": ["langchain", "schema", "messages", "HumanMessage"],
                                "kwargs": {"content": PROMPT},
                            },
                        ]
                    ]
                },
                "outputs": {
                    "generations": [[{"text": ANSWER, "generation_info": {"finish_reason": "stop"}}]]
                },
                "prompt_tokens": 40,
                "completion_tokens": 25,
                "extra": {
                    "invocation_params": {
                        "model": "gpt-x",
                        "temperature": 0.2,
                        "top_p": 0.9,
                        "max_tokens": 512,
                        "tools": TOOLS,
                    },
                    "metadata": {"user_id": "acct-1", "thread_id": "conv-1"},
                },
                "trace_id": "t",
                "session_id": "org",
            },
            {
                "id": "y",
                "name": "chain",
                "run_type": "chain",
                "start_time": "2026-05-28T10:00:00",
                "inputs": {},
                "outputs": {},
            },
        ],
        COMMON
        | SETTINGS
        | COUNTS
        | {
            "account_id": "acct-1",
            "conversation_id": "conv-1",
            "latency_ms": 800.0,
            "tool_names": ["calculator"],
        },
    ),
    "mlflow": (
        "mlflow",
        [
            {
                "info": {
                    "trace_id": "tr-1",
                    "request_time": TIME,
                    "state": "OK",
                    "trace_metadata": {"mlflow.trace.user": "acct-1", "mlflow.trace.session": "conv-1"},
                },
                "data": {
                    "spans": [
                        {
                            "span_id": "root",
                            "name": "agent",
                            "start_time_unix_nano": int(NANOS),
                            "attributes": {"mlflow.spanType": '"AGENT"'},
                        },
                        {
                            "span_id": "x-1",
                            "name": "chat",
                            "start_time_unix_nano": int(NANOS),
                            "end_time_unix_nano": int(NANOS) + 800_000_000,
                            "attributes": {
                                "mlflow.spanType": '"CHAT_MODEL"',
                                "mlflow.spanInputs": dumps(OPENAI),
                                "mlflow.spanOutputs": dumps(OPENAI_ANSWER),
                                "mlflow.chat.tokenUsage": '{"input_tokens": 40, "output_tokens": 25}',
                            },
                        },
                    ]
                },
            }
        ],
        COMMON
        | SETTINGS
        | COUNTS
        | {
            "account_id": "acct-1",
            "conversation_id": "conv-1",
            "model": "gpt-x",
            "exchange_id": "x-1",
            "latency_ms": 800.0,
        },
    ),
    "jaeger": (
        "jaeger",
        [
            {
                "data": [
                    {
                        "traceID": "t",
                        "processes": {"p1": {"serviceName": "gw", "tags": []}},
                        "spans": [
                            {
                                "traceID": "t",
                                "spanID": "x-1",
                                "operationName": "chat",
                                "startTime": SECONDS * 10**6,
                                "duration": 800_000,
                                "processID": "p1",
                                "logs": [],
                                "tags": [
                                    {"key": k, "type": "string", "value": v}
                                    for k, v in (
                                        LATEST
                                        | CONTENT
                                        | {"user.id": "acct-1", "client.address": "203.0.113.9"}
                                    ).items()
                                ],
                            }
                        ],
                    }
                ]
            }
        ],
        COMMON
        | SETTINGS
        | COUNTS
        | {"account_id": "acct-1", "client_ip": "203.0.113.9", "latency_ms": 800.0},
    ),
    "tempo": (
        "otlp",
        [
            {
                "batches": [
                    {
                        "resource": {"attributes": []},
                        "instrumentationLibrarySpans": [
                            {"spans": [span(LATEST | CONTENT | {"langfuse.user.id": "acct-1"})]}
                        ],
                    }
                ]
            }
        ],
        COMMON | SETTINGS | COUNTS | {"account_id": "acct-1"},
    ),
    "tempo 2": (
        "otlp",
        [{"trace": spans(span(LATEST | CONTENT | {"traceloop.association.properties.user_id": "acct-1"}))}],
        COMMON | SETTINGS | COUNTS | {"account_id": "acct-1"},
    ),
    "otlp of Vercel": (
        "otlp",
        [
            spans(
                span(
                    {
                        "operation.name": "ai.generateText.doGenerate",
                        "ai.operationId": "ai.generateText.doGenerate",
                        "gen_ai.request.model": "gpt-x",
                        "gen_ai.request.temperature": 0.2,
                        "ai.prompt.messages": dumps(CHAT),
                        "ai.response.text": ANSWER,
                        "ai.response.finishReason": "stop",
                        "ai.usage.promptTokens": 40,
                        "ai.usage.completionTokens": 25,
                        "ai.telemetry.metadata.userId": "acct-1",
                    }
                )
            )
        ],
        COMMON | COUNTS | {"account_id": "acct-1", "finish_reason": "stop", "temperature": 0.2},
    ),
    "phoenix": (
        "plain_spans",
        [
            {
                "id": "U3Bhbjox",
                "name": "ChatCompletion",
                "context": {"trace_id": "t", "span_id": "x-1"},
                "span_kind": "LLM",
                "start_time": TIME,
                "end_time": "2026-05-28T10:00:00.800Z",
                "status_code": "OK",
                "attributes": {
                    "llm": {
                        "model_name": "gpt-x",
                        "invocation_parameters": '{"temperature":0.2,"top_p":0.9,"max_tokens":512}',
                        "input_messages": [{"message": turn} for turn in CHAT],
                        "output_messages": [{"message": {"role": "assistant", "content": ANSWER}}],
                        "token_count": {"prompt": 40, "completion": 25},
                    },
                    "user": {"id": "acct-1"},
                },
            },
        ],
        COMMON | SETTINGS | COUNTS | {"account_id": "acct-1", "latency_ms": 800.0},
    ),
    "console span": (
        "plain_spans",
        [
            {
                "name": "chat",
                "context": {"trace_id": "0x01", "span_id": "x-1"},
                "kind": "SpanKind.CLIENT",
                "start_time": TIME,
                "end_time": TIME,
                "status": {"status_code": "UNSET"},
                "attributes": LATEST | CONTENT | {"user.id": "acct-1"},
                "events": [],
                "resource": {"attributes": {}},
            },
        ],
        COMMON | SETTINGS | COUNTS | {"account_id": "acct-1"},
    ),
    "anthropic batch": (
        "batch",
        [
            {"custom_id": "x-1", "params": ANTHROPIC | {"metadata": {"user_id": "acct-1"}}},
            {
                "custom_id": "x-1",
                "created_at": TIME,
                "result": {"type": "succeeded", "message": ANTHROPIC_ANSWER},
            },
        ],
        COMMON
        | SETTINGS
        | COUNTS
        | {
            "account_id": "acct-1",
            "exchange_id": "x-1",
            "status": 200,
            "finish_reason": "refusal:reasoning_extraction",
        },
    ),
    "bedrock batch": (
        "batch",
        [
            {
                "recordId": "x-1",
                "timestamp": TIME,
                "modelInput": ANTHROPIC | {"metadata": {"user_id": "acct-1"}},
                "modelOutput": ANTHROPIC_ANSWER,
            }
        ],
        COMMON | SETTINGS | COUNTS | {"account_id": "acct-1"},
    ),
}
VLLM = (
    "INFO 05-28 09:59:59 [api_server.py:1] Started server process\n"
    "INFO 05-28 10:00:00 [logger.py:43] Received request chatcmpl-1: prompt: "
    + repr(PROMPT + "\n'quoted'")
    + ", params: "
    "SamplingParams(n=1, presence_penalty=0.0, temperature=0.2, top_p=0.9, top_k=-1, seed=None, stop=[], "
    "max_tokens=512, "
    "min_tokens=0), prompt_token_ids: [1, 2, 3], prompt_embeds shape: None, lora_request: None.\n"
    "INFO 05-28 10:00:01 [logger.py:43] Received request chatcmpl-2: params: SamplingParams(n=1, "
    "temperature=1.0, "
    "max_tokens=16), lora_request: LoRARequest(lora_name='sql', lora_int_id=1).\n"
)
