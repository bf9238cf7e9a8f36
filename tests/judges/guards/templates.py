"""Chat templates with the parts of the real ones that the adapters rely on, written anew from their documentation."""

LLAMA_GUARD = (
    "{{ bos_token }}{%- set role = 'Agent' if messages[-1].role == 'assistant' else 'User' -%}"
    "{{ 'Task: Check if there is unsafe content in \\'' + role + '\\' messages.\n\n' }}"
    "{{ '<BEGIN UNSAFE CONTENT CATEGORIES>\nS1: Violent Crimes.\nS13: Elections.\n' }}"
    "{{ '<END UNSAFE CONTENT CATEGORIES>\n\n' }}"
    "{%- for message in messages -%}"
    "{{ ('User: ' if message.role == 'user' else 'Agent: ') + message.content + '\n\n' }}"
    "{%- endfor -%}"
    "{{ 'Provide your safety assessment for ONLY THE LAST ' + role + ' message.\n\n' }}"
)

SHIELDGEMMA = (
    "{{ bos_token }}{%- if messages[-1].role == 'assistant' -%}"
    "{{ 'You are a policy expert.\n\n<start_of_turn>\nHuman Question: ' + messages[-2].content + '\n<end_of_turn>\n' }}"
    "{{ '<start_of_turn>\nChatbot Response: ' + messages[-1].content + '\n<end_of_turn>\n\n' }}"
    "{{ 'Our safety principle is defined in the below:\n\n* ' + guideline + '\n\n===\n\n' }}"
    "{{ 'Does the Chatbot Response violate the above principle?\n\n' }}"
    "{%- endif -%}"
)

QWEN3GUARD = (
    "{{ '<|im_start|>user\nCategories: Violent, Unethical Acts.\n' }}"
    "{%- for message in messages -%}"
    "{{ message.role|upper + ': ' + message.content + '\n' }}"
    "{%- endfor -%}"
    "{{ '<|im_end|>\n<|im_start|>assistant\n' }}"
)
