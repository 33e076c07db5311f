@echo off
rem Install the desktop client for this user, start it, and have it start from now on:  install.cmd https://presence.example.com
setlocal
set "to=%LOCALAPPDATA%\Doorlight"
if not exist "%to%" mkdir "%to%"
copy /y "%~dp0doorlight-agent.exe" "%to%" || exit /b 1
if "%~1"=="" (
  "%to%\doorlight-agent.exe" install || exit /b 1
  start "" "%to%\doorlight-agent.exe"
) else (
  "%to%\doorlight-agent.exe" install --server "%~1" || exit /b 1
  start "" "%to%\doorlight-agent.exe"
)
