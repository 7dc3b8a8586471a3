"""What the engine refuses, in Korean: its sentences are English, since programs and logs read them too."""

import re
from typing import Final

_KOREAN: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern), korean)
    for pattern, korean in (
        (r"only a person can acknowledge an incident", "사람만 장애를 접수할 수 있습니다"),
        (
            r"customers hear from a commander; nothing was sent",
            "고객 공지는 지휘자만 보낼 수 있습니다. 아무것도 보내지 않았습니다",
        ),
        (r"(?P<id>INC-\S+) is (?P<state>\w+) already", "{id}은(는) 이미 {state} 상태입니다"),
        (r"(?P<id>INC-\S+) is (?P<state>\w+): it is open already", "{id}은(는) 이미 열려 있습니다 ({state})"),
        (
            r"(?P<id>INC-\S+) was merged into (?P<into>INC-\S+); reopen that one",
            "{id}은(는) {into}에 통합되었습니다. {into}을(를) 다시 여세요",
        ),
        (
            r"(?P<id>INC-\S+) is (?P<state>\w+); only a resolved incident can be closed",
            "{id}은(는) {state} 상태입니다. 해결된 장애만 종료할 수 있습니다",
        ),
        (
            r"(?P<id>INC-\S+) cannot be closed yet; missing: (?P<what>.+)",
            "{id}을(를) 아직 종료할 수 없습니다. 빠진 것: {what}",
        ),
        (r"there is no incident '(?P<id>[^']+)'", "장애 {id}이(가) 없습니다"),
        (r"service '(?P<name>[^']+)' is not in the guide's catalogue", "서비스 {name}은(는) 가이드의 목록에 없습니다"),
        (r"the text is empty", "내용이 비어 있습니다"),
        (r"the text is longer than (?P<n>\d+) characters", "내용이 {n}자를 넘습니다"),
        (r"the request for approval is (?P<state>\w+)", "승인 요청은 이미 {state} 상태입니다"),
        (
            r"this needs two persons who signed in; .*",
            "로그인한 두 사람의 승인이 필요합니다. 명령줄 토큰은 사람이 아닙니다",
        ),
        (r"who asked cannot be one of the two who approve", "요청한 사람은 두 승인자 중 한 명이 될 수 없습니다"),
        (
            r"you have approved this already; another person is needed",
            "이미 승인하셨습니다. 다른 사람의 승인이 필요합니다",
        ),
        (
            r"the operation is not the one that the page showed; .*",
            "화면에 보인 조치와 다릅니다. 페이지를 다시 확인하세요",
        ),
        (r"the request does not come from this console's own pages", "이 콘솔의 페이지에서 보낸 요청이 아닙니다"),
        (
            r"the (sign-in )?form does not come from this (console|site)'s own page.*",
            "이 사이트의 페이지에서 보낸 요청이 아닙니다",
        ),
        (
            r"the form's token is missing or old; load the page again",
            "양식의 토큰이 없거나 오래되었습니다. 페이지를 새로 고치세요",
        ),
        (r"say until when", "언제까지인지 입력하세요"),
        (r"choose a calendar file.*", "달력 파일(.ics)을 선택하세요"),
        (r"this is not an iCalendar file.*", "iCalendar(.ics) 파일이 아닙니다"),
        (r"the calendar is larger than (?P<n>\d+) bytes", "달력 파일이 {n}바이트보다 큽니다"),
        (r"the calendar has more than (?P<n>\d+) events", "달력에 일정이 {n}개보다 많습니다"),
        (
            r"more than (?P<n>\d+) events until (?P<day>\S+); choose fewer days",
            "{day}까지 일정이 {n}개보다 많습니다. 기간을 줄이세요",
        ),
        (r"reading the calendar takes longer.*", "달력을 읽는 데 너무 오래 걸립니다. 반복이 너무 많습니다"),
        (r"the calendar cannot be read.*", "달력을 읽을 수 없습니다"),
        (r"the event .* repeats within a day; .*", "하루 안에 반복되는 일정은 대리가 될 수 없습니다"),
        (r"the event .* cannot be read: (?P<why>.*)", "일정을 읽을 수 없습니다: {why}"),
        (r"'(?P<name>.*)' is not a time zone; .*", "{name}은(는) 시간대가 아닙니다. Asia/Seoul처럼 쓰세요"),
        (r"nothing is chosen; .*", "선택한 일정이 없습니다. 아무것도 만들지 않았습니다"),
        (
            r"more than (?P<n>\d+) overrides are still to come; cancel some first",
            "아직 시작하지 않았거나 진행 중인 대리가 {n}건보다 많습니다. 먼저 일부를 취소하세요",
        ),
        (
            r"the override of (?P<target>\S+) by (?P<who>\S+) cannot be made: it begins more than (?P<n>\d+) days .*",
            "{target}의 대리 {who}: {n}일보다 먼 미래에 시작할 수 없습니다",
        ),
        (r"there is no calendar address '(?P<id>[^']+)'", "캘린더 주소 {id}이(가) 없습니다"),
        (r"(?P<id>ovr_\S+) is over already", "{id}은(는) 이미 끝났습니다"),
        (r"there is no override '(?P<id>[^']+)'", "대리 {id}이(가) 없습니다"),
        (r"(?P<who>\S+) cannot stand in for themselves", "{who}이(가) 자신을 대신할 수 없습니다"),
        (
            r"the override of (?P<target>\S+) by (?P<who>\S+) cannot be made: its end .* is past",
            "{target}의 대리 {who}: 끝나는 시각이 이미 지났습니다",
        ),
        (
            r"the override of (?P<target>\S+) by (?P<who>\S+) cannot be made: its end is not after its start",
            "{target}의 대리 {who}: 끝나는 시각이 시작보다 뒤여야 합니다",
        ),
        (
            r"the override of (?P<target>\S+) by (?P<who>\S+) cannot be made: it is longer than (?P<n>\d+) days",
            "{target}의 대리 {who}: {n}일보다 길 수 없습니다",
        ),
        (r"sign in first|sign in at the console.*", "먼저 로그인하세요"),
        (r"name or password is wrong", "이름 또는 비밀번호가 틀렸습니다"),
        (
            r"too many wrong passwords.*",
            "비밀번호를 여러 번 틀렸습니다. 잠시 후 다시 시도하거나 로그인 링크를 사용하세요",
        ),
        (r"too many requests; try again in ten minutes", "요청이 너무 많습니다. 10분 후 다시 시도하세요"),
        (
            r"this sign-in link is not valid any more; ask for a new one",
            "로그인 링크가 만료되었거나 이미 사용되었습니다. 새 링크를 요청하세요",
        ),
        (r"this link is not valid any more; subscribe again", "링크가 더 이상 유효하지 않습니다. 다시 구독하세요"),
        (
            r"give name and password, or open a sign-in link.*",
            "이름과 비밀번호를 입력하거나 로그인 링크를 여세요 (judgify up이 출력합니다)",
        ),
        (r"this account cannot sign in", "이 계정으로는 로그인할 수 없습니다"),
        (
            r"the last administrator stays one; make another first",
            "마지막 관리자는 남아 있어야 합니다. 먼저 다른 관리자를 만드세요",
        ),
        (r"a password has at least (?P<n>\d+) characters", "비밀번호는 {n}자 이상이어야 합니다"),
        (
            r"write the announcement in both languages.*",
            "공지는 두 언어 모두 작성하거나, 둘 다 비워 기록에서 만든 글을 사용하세요",
        ),
        (r"this is not an e-mail address", "이메일 주소가 아닙니다"),
        (r"this is not a telephone number.*", "전화번호가 아닙니다. 010-1234-5678처럼 쓰세요"),
        (r"the runbook has no such step", "런북에 그런 단계가 없습니다"),
        (r"there is no such runbook", "그런 런북이 없습니다"),
        (r".*needs the role (?P<role>\w+).*", "{role} 역할이 필요합니다"),
    )
)
_BY_STATUS: Final = {
    400: "요청을 읽을 수 없습니다",
    401: "먼저 로그인하세요",
    403: "이 작업을 할 권한이 없습니다",
    404: "찾을 수 없습니다",
    409: "지금 상태에서는 할 수 없습니다",
    413: "요청이 너무 큽니다",
    422: "입력한 값을 확인하세요",
    429: "요청이 너무 많습니다. 잠시 후 다시 시도하세요",
    503: "지금은 처리할 수 없습니다. 잠시 후 다시 시도하세요",
}


def korean(detail: str, status: int) -> str:
    """Give a refusal in Korean; one that is not known by its words is told by its status, with the words behind it."""
    for pattern, text in _KOREAN:
        found = pattern.fullmatch(detail)
        if found is not None:
            return text.format(**found.groupdict())
    kind = _BY_STATUS.get(status, "처리하지 못했습니다")
    return f"{kind} ({detail})" if detail else kind
